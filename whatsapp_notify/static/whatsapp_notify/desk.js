/* The desk without loading pages again: news appear by themselves, forms are sent in place, and
   colleagues at the same conversation are told of each other. All works without this file too. */
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const POLL_MILLISECONDS = 3000;
  const WRITING_MILLISECONDS = 8000;
  const COUNT_MILLISECONDS = 20000;
  const NEAR_END_PIXELS = 140;

  const desk = document.querySelector(".wn-desk");
  if (!desk) return;

  const byId = (id) => document.getElementById(id);
  const rows = byId("wn-rows");
  const log = byId("wn-log");
  const items = byId("wn-items");
  const composer = byId("wn-composer");
  const presence = byId("wn-presence");
  const told = byId("wn-told");

  let listTag = desk.dataset.listTag;
  let chatTag = desk.dataset.chatTag;
  let wroteAt = 0;
  let timer = 0;
  let sending = false;
  let isOffline = false;

  function csrf() {
    const field = document.querySelector("input[name=csrfmiddlewaretoken]");
    return field ? field.value : "";
  }

  function textBox() {
    return byId("wn-text");
  }

  /* News */

  function isNearEnd() {
    return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PIXELS;
  }

  function scrollToEnd() {
    if (log) log.scrollTop = log.scrollHeight;
  }

  /* A new tick is no new message: where only the last line differs, only that is drawn. */
  function redraw(node, html) {
    const fresh = document.createElement("div");
    fresh.innerHTML = html;
    const foot = fresh.querySelector(".wn-said-foot");
    const old = node.querySelector(".wn-said-foot");
    if (foot && old) {
      old.innerHTML = foot.innerHTML;
      if (node.innerHTML === fresh.innerHTML) return;
    }
    node.innerHTML = html;
  }

  /* Draws what is new or changed, and leaves all else as it is: only that is read aloud. */
  function drawItems(shown) {
    const known = new Map();
    for (const node of items.querySelectorAll(".wn-desk-item")) known.set(node.dataset.item, node);
    if (shown.length) for (const node of items.querySelectorAll(".wn-empty")) node.remove();
    let place = items.firstElementChild;
    for (const each of shown) {
      let node = known.get(each.id);
      known.delete(each.id);
      if (!node) {
        node = document.createElement("div");
        node.className = "wn-desk-item";
        node.dataset.item = each.id;
      }
      if (node.dataset.revision !== each.revision) {
        node.dataset.revision = each.revision;
        redraw(node, each.html);
      }
      if (node === place) place = place.nextElementSibling;
      else items.insertBefore(node, place);
    }
    for (const node of known.values()) node.remove();
  }

  /* Whoever works with the keyboard stays where they were. */
  function replace(node, html) {
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    const mark = focused && (focused.dataset.row || focused.value || focused.id);
    const top = node.scrollTop;
    node.innerHTML = html;
    node.scrollTop = top;
    if (!focused || focused === node) return;
    const controls = Array.from(node.querySelectorAll("a, button, select"));
    const same = controls.find((each) => (each.dataset.row || each.value || each.id) === mark);
    (same || node).focus({ preventScroll: true });
  }

  /* A choice that is just being made is not taken from under the hand, but for one's own deed. */
  function draw(news, isOwn = false) {
    const isFree = (id) => isOwn || document.activeElement !== byId(id);
    if ("list" in news) {
      replace(rows, news.list);
      listTag = news.list_tag;
    }
    if ("items" in news) {
      const follow = isNearEnd();
      drawItems(news.items);
      if (isFree("wn-assign")) replace(byId("wn-state"), news.state);
      if (isFree("wn-label")) replace(byId("wn-labels"), news.labels);
      chatTag = news.chat_tag;
      if (follow) scrollToEnd();
      noteWindow(news.is_open);
    }
    if ("presence" in news && presence.textContent !== news.presence) {
      presence.textContent = news.presence;
    }
  }

  /* The box for free text, or the choice of a template: that follows the service window. */
  function noteWindow(isOpen) {
    const now = isOpen ? "1" : "0";
    if (desk.dataset.isOpen === now || sending) return;
    desk.dataset.isOpen = now;
    const box = textBox();
    const isEmpty = !box || (!box.value.trim() && !hasFile());
    if (isEmpty && !composer?.contains(document.activeElement)) location.reload();
    else tell(desk.dataset.windowChanged, "doubt");
  }

  function tell(words, tone) {
    if (!told) return;
    told.className = "wn-desk-note wn-alert-" + (tone === "wait" ? "off" : tone);
    told.textContent = words;
  }

  function showOffline(isAway) {
    if (isAway === isOffline) return;
    isOffline = isAway;
    tell(isAway ? desk.dataset.offline : "", "doubt");
  }

  async function poll() {
    clearTimeout(timer);
    if (document.hidden) return;
    const isWriting = Date.now() - wroteAt < WRITING_MILLISECONDS;
    const data = new URLSearchParams({
      csrfmiddlewaretoken: csrf(),
      list_tag: listTag,
      chat_tag: chatTag,
      presence: presence ? presence.textContent : "",
      writing: isWriting ? "1" : "0",
    });
    try {
      const answer = await fetch(desk.dataset.news, {
        method: "POST",
        body: data,
        credentials: "same-origin",
        redirect: "error",
      });
      if (answer.status === 200 && !sending) draw(await answer.json());
      showOffline(answer.status >= 500);
    } catch (error) {
      showOffline(true);
    }
    timer = setTimeout(poll, POLL_MILLISECONDS);
  }

  /* Forms */

  async function send(form, submitter) {
    if (sending) return;
    sending = true;
    const data = new FormData(form, submitter);
    if (hasFile() && form.id === "wn-form") tell(desk.dataset.uploading, "wait");
    try {
      /* As much of the chat is drawn anew as is shown. */
      const address = new URL(form.action);
      const more = new URL(desk.dataset.news, location.href).searchParams.get("more");
      if (more) address.searchParams.set("more", more);
      const answer = await fetch(address, {
        method: "POST",
        body: form.enctype === "multipart/form-data" ? data : new URLSearchParams(data),
        credentials: "same-origin",
        headers: { "X-Requested-With": "fetch" },
        redirect: "error",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      draw(news, true);
      tell(news.told, news.tone);
      if ("composer" in news) {
        composer.innerHTML = news.composer;
        wroteAt = 0;
        prepare();
        const problem = byId("wn-problem");
        (textBox() || problem || byId("wn-template"))?.focus();
        scrollToEnd();
      }
    } catch (error) {
      /* What was written stands in the box still, with the same token: sent again, it is once. */
      tell(desk.dataset.offline, "bad");
    } finally {
      sending = false;
    }
    poll();
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-live]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });

  /* Older messages come without a new page; the eye stays on what it read. */
  document.addEventListener("click", async (event) => {
    const older = event.target.closest("#wn-older");
    if (!older || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const answer = await fetch(older.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fromEnd = log.scrollHeight - log.scrollTop;
    const shown = Array.from(page.querySelectorAll("#wn-items .wn-desk-item"), (node) => ({
      id: node.dataset.item,
      revision: node.dataset.revision,
      html: node.innerHTML,
    }));
    log.setAttribute("aria-live", "off");
    drawItems(shown);
    log.scrollTop = log.scrollHeight - fromEnd;
    desk.dataset.news = page.querySelector(".wn-desk").dataset.news;
    const next = page.querySelector("#wn-older");
    if (next) older.href = next.getAttribute("href");
    else {
      older.closest("p").remove();
      log.focus({ preventScroll: true });
    }
    setTimeout(() => log.removeAttribute("aria-live"), 500);
  });

  /* Canned replies: "/" and the beginning of a shortcut, or the list below the box. */

  function slash(box) {
    const before = box.value.slice(0, box.selectionStart);
    return /(?:^|\s)\/([\p{L}\p{N}_-]*)$/u.exec(before);
  }

  function offered() {
    return Array.from(document.querySelectorAll("#wn-canned [data-body]"));
  }

  function filterCanned(typed) {
    const wanted = typed.toLowerCase();
    for (const each of offered()) {
      const words = each.dataset.shortcut + " " + each.querySelector("strong").textContent;
      each.parentElement.hidden = !words.toLowerCase().split(/\s+/).some((w) => w.startsWith(wanted));
    }
  }

  function visibleCanned() {
    return offered().filter((each) => !each.parentElement.hidden);
  }

  function closeCanned() {
    const canned = byId("wn-canned");
    if (!canned) return;
    canned.open = false;
    filterCanned("");
  }

  function insert(button) {
    const box = textBox();
    const found = slash(box);
    const end = box.selectionStart;
    const start = found ? end - found[1].length - 1 : end;
    box.setRangeText(button.dataset.body, start, end, "end");
    closeCanned();
    box.focus();
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#wn-canned [data-body]");
    if (!button) return;
    event.preventDefault();
    insert(button);
  });

  /* The box */

  function count(box) {
    const shown = byId("wn-count");
    const titles = Array.from(document.querySelectorAll("#wn-buttons input"));
    const hasButtons = titles.some((each) => each.value.trim());
    let max = Number(hasButtons ? shown.dataset.maxWithButtons : shown.dataset.max);
    if (hasFile()) max = Number(shown.dataset.maxWithFile);
    const length = Array.from(box.value).length;
    shown.textContent = length + " / " + max;
    shown.classList.toggle("wn-over", length > max);
  }

  function hasFile() {
    return Boolean(byId("wn-file")?.value || byId("wn-file-kept")?.checked);
  }

  function grow(box) {
    box.rows = Math.min(9, Math.max(3, box.value.split("\n").length + 1));
  }

  function prepare() {
    const box = textBox();
    if (!box) return;
    count(box);
    grow(box);
  }

  document.addEventListener("input", (event) => {
    const box = event.target;
    if (composer?.contains(box)) wroteAt = Date.now();
    if (box.closest("#wn-buttons")) count(textBox());
    if (box.id !== "wn-text") return;
    count(box);
    grow(box);
    const canned = byId("wn-canned");
    if (!canned) return;
    const found = slash(box);
    if (found) {
      filterCanned(found[1]);
      canned.open = visibleCanned().length > 0;
    } else if (canned.open && !canned.contains(document.activeElement)) closeCanned();
  });

  document.addEventListener("change", (event) => {
    if (event.target.closest("#wn-attach")) count(textBox());
  });

  /* Keys */

  function rowLinks() {
    return Array.from(rows.querySelectorAll("a[data-row]"));
  }

  function moveInList(step) {
    const links = rowLinks();
    if (!links.length) return;
    let at = links.indexOf(document.activeElement);
    if (at < 0) at = links.findIndex((each) => each.getAttribute("aria-current"));
    const next = at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step));
    links[next].focus();
  }

  function moveInCanned(step) {
    const shown = visibleCanned();
    const next = shown.indexOf(document.activeElement) + step;
    if (next < 0) textBox().focus();
    else if (next < shown.length) shown[next].focus();
  }

  function isTyping(node) {
    return node.matches("input, textarea, select") || node.isContentEditable;
  }

  function keysOfBox(event) {
    const box = event.target;
    const canned = byId("wn-canned");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault();
      box.form.requestSubmit(byId("wn-send"));
    } else if (canned?.open && slash(box) && visibleCanned().length) {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        insert(visibleCanned()[0]);
      } else if (event.key === "ArrowDown") {
        event.preventDefault();
        visibleCanned()[0].focus();
      }
    }
  }

  function escape() {
    const canned = byId("wn-canned");
    if (canned?.open) {
      closeCanned();
      textBox().focus();
      return;
    }
    const links = rowLinks();
    const chosen = links.find((each) => each.getAttribute("aria-current")) || links[0];
    chosen?.focus();
  }

  document.addEventListener("keydown", (event) => {
    const node = event.target;
    if (event.key === "Escape" && desk.contains(node)) {
      escape();
      return;
    }
    if (node.id === "wn-text") {
      keysOfBox(event);
      return;
    }
    if (event.key === "Enter" && node.matches("#wn-buttons input") && !event.isComposing) {
      /* A title is not the end of the answer, which Ctrl and Enter send. */
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) node.form.requestSubmit(byId("wn-send"));
      return;
    }
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping(node)) return;
    const isInRows = rows.contains(node);
    const isInCanned = node.closest("#wn-canned li") !== null;
    const isArrow = event.key === "ArrowDown" || event.key === "ArrowUp";
    if (isInCanned && isArrow) {
      event.preventDefault();
      moveInCanned(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "j" || (isInRows && event.key === "ArrowDown")) {
      event.preventDefault();
      moveInList(1);
    } else if (event.key === "k" || (isInRows && event.key === "ArrowUp")) {
      event.preventDefault();
      moveInList(-1);
    } else if (event.key === "/" && textBox()) {
      event.preventDefault();
      const box = textBox();
      box.focus();
      if (!box.value) {
        box.value = "/";
        box.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
  });

  /* The service window counts down. */

  function countDown() {
    for (const each of desk.querySelectorAll("[data-until]")) {
      const minutes = Math.floor((Date.parse(each.dataset.until) - Date.now()) / 60000);
      const shown = Math.max(0, minutes);
      each.textContent = Math.floor(shown / 60) + ":" + String(shown % 60).padStart(2, "0");
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) poll();
  });

  setInterval(countDown, COUNT_MILLISECONDS);
  prepare();
  scrollToEnd();
  timer = setTimeout(poll, POLL_MILLISECONDS);
});
