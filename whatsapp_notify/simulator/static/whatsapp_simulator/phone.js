/* New messages appear by themselves, and forms do not reload the page.
   Everything works without this file too. */
(function () {
  "use strict";

  const POLL_MILLISECONDS = 700;
  const OFFLINE_MILLISECONDS = 3000;
  const NEAR_END_PIXELS = 140;

  const stage = document.getElementById("stage");
  document.documentElement.classList.add("has-script");

  /* The empty page waits for the first customer. */
  const waiting = document.querySelector("[data-wait]");
  if (waiting) {
    setInterval(async () => {
      if (document.hidden || waiting.querySelector("input:focus")) return;
      try {
        const answer = await fetch(waiting.dataset.wait, { credentials: "same-origin" });
        if (answer.redirected) location.assign(answer.url);
      } catch (error) {
        /* The shop is not running: the next round asks again. */
      }
    }, 1500);
  }
  if (!stage) return;

  const thread = document.getElementById("thread");
  const items = document.getElementById("items");
  const title = document.title;
  const actForm = document.getElementById("act");
  const drawn = new Map();
  let etag = "";
  let timer = 0;
  let readAsked = false;

  function isNearEnd() {
    return thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR_END_PIXELS;
  }

  function scrollToEnd(smooth) {
    thread.scrollTo({ top: thread.scrollHeight, behavior: smooth ? "smooth" : "auto" });
  }

  /* Draws what is new or changed, and leaves all else as it is. */
  function drawItems(shown) {
    const known = new Map();
    for (const node of items.children) known.set(node.dataset.item, node);
    let place = items.firstElementChild;
    for (const each of shown) {
      let node = known.get(each.id);
      known.delete(each.id);
      if (!node) {
        node = document.createElement("div");
        node.className = "item item--new";
        node.dataset.item = each.id;
      }
      if (node.dataset.revision !== each.revision) {
        const focused = node.contains(document.activeElement) ? document.activeElement : null;
        node.dataset.revision = each.revision;
        node.innerHTML = each.html;
        if (focused) refocus(node, focused);
      }
      if (node === place) place = place.nextElementSibling;
      else items.insertBefore(node, place);
    }
    for (const node of known.values()) node.remove();
    const nothing = document.getElementById("nothing");
    if (nothing && shown.length) nothing.remove();
  }

  function replace(id, html) {
    const node = document.getElementById(id);
    if (drawn.get(id) === html) return;
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    node.innerHTML = html;
    drawn.set(id, html);
    if (focused) refocus(node, focused);
  }

  /* Whoever works with the keyboard stays where they were. */
  function refocus(node, focused) {
    const controls = Array.from(node.querySelectorAll("a, button"));
    const same = controls.find(
      (each) => each.getAttribute("href") === focused.getAttribute("href") && each.value === focused.value
    );
    const next = same || controls[0];
    if (next) next.focus({ preventScroll: true });
  }

  function drawPresence(isTyping) {
    const presence = document.getElementById("presence");
    presence.textContent = isTyping ? presence.dataset.typing : presence.dataset.idle;
    document.getElementById("typing").hidden = !isTyping;
  }

  function draw(page) {
    const follow = isNearEnd();
    const before = items.children.length;
    drawItems(page.items);
    replace("people", page.people);
    replace("state", page.state);
    replace("told", page.told);
    drawPresence(page.typing);
    if (follow) scrollToEnd(items.children.length !== before);
    const elsewhere = page.unread_elsewhere;
    document.title = elsewhere ? "(" + elsewhere + ") " + title : title;
    if (page.unread && !document.hidden) markRead();
  }

  /* Looking at the chat is what turns ticks blue, so only a visible page says so. */
  async function markRead() {
    if (readAsked) return;
    readAsked = true;
    const data = new FormData(actForm);
    data.set("do", "read");
    try {
      await post(actForm.action, data);
    } finally {
      readAsked = false;
    }
  }

  function post(address, data) {
    return fetch(address, {
      method: "POST",
      body: data,
      credentials: "same-origin",
      headers: { "X-Requested-With": "fetch" },
    });
  }

  function showOffline(isOffline) {
    const note = document.getElementById("offline");
    note.textContent = isOffline ? stage.dataset.offline : "";
    note.hidden = !isOffline;
  }

  /* What was refused stays to be read until something else is done. */
  async function showRefusal(answer) {
    const note = document.getElementById("refusal");
    note.textContent = answer.status === 400 ? await answer.text() : "";
    note.hidden = !note.textContent;
  }

  async function poll() {
    clearTimeout(timer);
    let pause = POLL_MILLISECONDS;
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const answer = await fetch(stage.dataset.feed, {
        headers,
        credentials: "same-origin",
        cache: "no-store",
      });
      if (answer.status === 200) {
        etag = answer.headers.get("ETag") || "";
        draw(await answer.json());
      } else if (answer.status === 404) {
        location.reload();
        return;
      }
      showOffline(false);
    } catch (error) {
      showOffline(true);
      pause = OFFLINE_MILLISECONDS;
    }
    timer = setTimeout(poll, document.hidden ? OFFLINE_MILLISECONDS : pause);
  }

  async function send(form, submitter) {
    const data = new FormData(form, submitter);
    const field = form.querySelector("textarea");
    if (field && data.get("do") === "text") {
      if (!field.value.trim()) return;
      field.value = "";
      grow(field);
    }
    for (const open of thread.querySelectorAll("details[open]")) open.open = false;
    try {
      const answer = await post(form.action, data);
      await showRefusal(answer);
      if (answer.ok && "clear" in form.dataset) form.reset();
      if (answer.ok && data.get("quote")) dropQuote(form);
    } catch (error) {
      showOffline(true);
      return;
    }
    etag = "";
    await poll();
    scrollToEnd(true);
  }

  function dropQuote(form) {
    form.querySelector("[data-quote]").remove();
    history.replaceState(null, "", location.pathname);
  }

  function grow(field) {
    field.rows = Math.min(5, Math.max(1, field.value.split("\n").length));
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-live]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form) form.requestSubmit();
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "message") return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      event.target.form.requestSubmit(event.target.form.querySelector("[value=text]"));
    }
  });

  document.addEventListener("input", (event) => {
    if (event.target.id === "message") grow(event.target);
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const label = button.querySelector("[data-copy-label]");
    const words = label.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      label.textContent = stage.dataset.copied;
      setTimeout(() => {
        label.textContent = words;
      }, 1600);
    } catch (error) {
      /* Copying is not allowed here; the code stands on the button anyway. */
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) poll();
  });

  scrollToEnd(false);
  poll();
})();
