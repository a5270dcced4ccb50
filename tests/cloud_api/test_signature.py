"""The webhook's signature and handshake."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.cloud_api import signature

SECRET = "app-secret-of-the-test"
BODY = b'{"object":"whatsapp_business_account","entry":[]}'
DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
GOOD = f"sha256={DIGEST}"

BAD_HEADERS = {
    "none": None,
    "empty": "",
    "blank": " ",
    "prefix only": "sha256=",
    "no prefix": DIGEST,
    "no equals": f"sha256{DIGEST}",
    "colon": f"sha256:{DIGEST}",
    "space before": f" {GOOD}",
    "space after": f"{GOOD} ",
    "space within": f"sha256= {DIGEST}",
    "newline after": f"{GOOD}\n",
    "nul after": f"{GOOD}\x00",
    "upper prefix": f"SHA256={DIGEST}",
    "upper digest": f"sha256={DIGEST.upper()}",
    "sha1 of the body": "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(),
    "sha1 with a sha256 digest": f"sha1={DIGEST}",
    "sha512": "sha512=" + hmac.new(SECRET.encode(), BODY, hashlib.sha512).hexdigest(),
    "md5": "md5=" + hmac.new(SECRET.encode(), BODY, hashlib.md5).hexdigest(),
    "sha1 first": "sha1=00," + GOOD,
    "given twice": f"{GOOD},{GOOD}",
    "given twice with blank": f"{GOOD}, {GOOD}",
    "wrong then right": f"sha256={'0' * 64},{GOOD}",
    "right then wrong": f"{GOOD},sha256={'0' * 64}",
    "zeros": f"sha256={'0' * 64}",
    "one digit off": f"sha256={DIGEST[:-1]}{'0' if DIGEST[-1] != '0' else '1'}",
    "one digit short": f"sha256={DIGEST[:-1]}",
    "one digit long": f"sha256={DIGEST}0",
    "half": f"sha256={DIGEST[:32]}",
    "doubled": f"sha256={DIGEST}{DIGEST}",
    "plain hash": "sha256=" + hashlib.sha256(BODY).hexdigest(),
    "hash of secret and body": "sha256=" + hashlib.sha256(SECRET.encode() + BODY).hexdigest(),
    "other secret": signature.sign(BODY, "another-secret"),
    "other body": signature.sign(BODY + b" ", SECRET),
    "empty body": signature.sign(b"", SECRET),
    "empty key": "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest(),
    "blank key": "sha256=" + hmac.new(b" ", BODY, hashlib.sha256).hexdigest(),
    "not hex": f"sha256={'z' * 64}",
    "accents": f"sha256={DIGEST[:-1]}\u00e9",
    "full width": "sha256=" + "".join(chr(ord(digit) + 0xFEE0) for digit in DIGEST),
    "emoji": "sha256=\U0001f600",
    "lone surrogate": f"sha256={DIGEST[:-1]}\udc80",
    "long": "sha256=" + "a" * 100_000,
    "bytes": GOOD.encode(),
    "quoted": f'"{GOOD}"',
    "json": '{"sha256": 1}',
}


class TestIsValid:
    @pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
    def test_f60_only_the_right_header(self, header):
        assert not signature.is_valid(body=BODY, header=header, secrets=[SECRET])

    def test_f60_the_right_header(self):
        assert signature.is_valid(body=BODY, header=GOOD, secrets=[SECRET])

    @pytest.mark.parametrize("secrets", [[], [""], [" "], ["", "\t"]])
    def test_f61_blank_secrets_match_nothing(self, secrets):
        for secret in ["", *secrets]:
            header = "sha256=" + hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()

            assert not signature.is_valid(body=BODY, header=header, secrets=secrets)

    @pytest.mark.parametrize(
        ("body", "digest"),
        [
            # Computed with ``openssl dgst -sha256 -hmac key``.
            (b"{}", "a777724d943eb48dc69bca8a4a6d57a04db3f9ec7e1de4e581e860265bdf3032"),
            (
                '{"name":"Zoë"}'.encode(),
                "d29b89819e364c093895102f7fc4d3140a5535481e7357fa55ede19015b0f4e1",
            ),
            (
                rb'{"name":"Zo\u00eb"}',
                "7b987ce1229d8d4c738cd703099a2b1db78cf8d2f8e4397a71149988c3040cf8",
            ),
            (
                rb'{"text":"\ud83d\ude00"}',
                "abfc74186ffb8ba5d9ce2fc2d0df59b6743eb3f62397b0ed4444072b9db952df",
            ),
            (
                rb'{"url":"https:\/\/example.com\/"}',
                "c2967706b3b6864ed7aae50b57f1e59c43ef443f1c8512a95e30f186b6a61ced",
            ),
            (
                b'{"url":"https://example.com/"}',
                "e52779da0d2d67e831f14e630bd1f0bfe3fd05c665722e34036c48e3eb803e9f",
            ),
        ],
    )
    def test_f62_the_bytes_as_they_came(self, body, digest):
        assert signature.sign(body, "key") == f"sha256={digest}"
        assert signature.is_valid(body=body, header=f"sha256={digest}", secrets=["key"])

    def test_f62_equal_json_in_other_bytes_is_another_message(self):
        header = signature.sign(rb'{"name":"Zo\u00eb"}', SECRET)

        assert not signature.is_valid(
            body='{"name":"Zoë"}'.encode(), header=header, secrets=[SECRET]
        )

    def test_f63_both_secrets_count_while_they_rotate(self):
        old, new = signature.sign(BODY, "old"), signature.sign(BODY, "new")

        assert signature.is_valid(body=BODY, header=old, secrets=["new", "old"])
        assert signature.is_valid(body=BODY, header=new, secrets=["new", "old"])
        assert signature.is_valid(body=BODY, header=new, secrets=["", "new"])
        assert not signature.is_valid(body=BODY, header=old, secrets=["new"])

    @given(st.binary(max_size=200), st.text(max_size=100))
    def test_f60_no_header_raises(self, body, header):
        assert not signature.is_valid(body=body, header=header, secrets=[SECRET])
        assert not signature.is_valid(body=body, header="sha256=" + header, secrets=[SECRET])

    @given(st.binary(max_size=200), st.text(min_size=1, max_size=50).filter(str.strip))
    def test_every_signature_of_ours_is_valid(self, body, secret):
        header = signature.sign(body, secret)

        assert signature.is_valid(body=body, header=header, secrets=[secret])


class TestSign:
    @pytest.mark.parametrize("secret", ["", " ", "\n"])
    def test_refuses_a_blank_secret(self, secret):
        with pytest.raises(ValueError, match="blank"):
            signature.sign(BODY, secret)


class TestChallenge:
    QUERY = {"hub.mode": "subscribe", "hub.verify_token": "secret", "hub.challenge": "1158201444"}

    @pytest.mark.parametrize("challenge", ["1158201444", "0", "aZ_-9", "x" * 64])
    def test_echoes_a_plain_challenge(self, challenge):
        query = {**self.QUERY, "hub.challenge": challenge}

        assert signature.challenge(query=query, verify_token="secret") == challenge

    @pytest.mark.parametrize(
        "change",
        [
            {"hub.verify_token": "Secret"},
            {"hub.verify_token": "secret "},
            {"hub.verify_token": ""},
            {"hub.verify_token": None},
            {"hub.verify_token": ["secret"]},
            {"hub.verify_token": "sécret"},
            {"hub.mode": "unsubscribe"},
            {"hub.mode": ""},
            {"hub.mode": None},
            {"hub.mode": ["subscribe"]},
            {"hub.challenge": ""},
            {"hub.challenge": None},
            {"hub.challenge": ["1"]},
            {"hub.challenge": "<script>alert(1)</script>"},
            {"hub.challenge": "1\n"},
            {"hub.challenge": "1 2"},
            {"hub.challenge": "é"},
            {"hub.challenge": "x" * 65},
        ],
    )
    def test_f66_refuses_everything_else(self, change):
        query = {**self.QUERY, **change}

        assert signature.challenge(query=query, verify_token="secret") is None

    @pytest.mark.parametrize("missing", list(QUERY))
    def test_f66_refuses_what_is_incomplete(self, missing):
        query = {key: value for key, value in self.QUERY.items() if key != missing}

        assert signature.challenge(query=query, verify_token="secret") is None

    @pytest.mark.parametrize("token", ["", " ", "\t"])
    def test_f66_a_blank_token_is_never_right(self, token):
        query = {**self.QUERY, "hub.verify_token": token}

        assert signature.challenge(query=query, verify_token=token) is None
