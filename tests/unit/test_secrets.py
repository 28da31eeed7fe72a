"""Credentials at rest: readable with the keys, useless without, and never in an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.errors import ConfigError
from reconciler.secrets import SecretBox, new_key

SECRETS = {"access_token": "hunter2", "shop": "rosebud"}
OLD, NEW = new_key(), new_key()


def test_what_is_put_in_comes_out():
    """Decrypting returns exactly the mapping that was encrypted."""
    box = SecretBox([NEW])
    assert box.decrypt(box.encrypt(SECRETS)) == SECRETS


@given(st.dictionaries(st.text(), st.text()))
def test_any_text_survives(secrets):
    """Names and secrets of any characters come out as they went in."""
    box = SecretBox([NEW])
    assert box.decrypt(box.encrypt(secrets)) == secrets


def test_the_stored_form_shows_nothing():
    """The encrypted bytes and the digest hold no part of a secret, and no two encryptions are alike."""
    box = SecretBox([NEW])
    token, digest = box.seal(SECRETS)
    assert b"hunter2" not in token + digest
    assert box.encrypt(SECRETS) != token


def test_the_digest_tells_whether_secrets_changed():
    """Equal secrets have equal digests, in any order of keys; other secrets have others."""
    box = SecretBox([NEW])
    assert box.digest(SECRETS) == box.digest(dict(reversed(SECRETS.items())))
    assert box.digest(SECRETS) != box.digest({**SECRETS, "access_token": "hunter3"})


def test_the_digest_needs_the_key():
    """Without the key nobody can try out guesses against a stored digest."""
    assert SecretBox([NEW]).digest(SECRETS) != SecretBox([OLD]).digest(SECRETS)


def test_a_new_key_opens_what_an_old_one_closed():
    """While both keys are set, nothing that was stored is lost."""
    token = SecretBox([OLD]).encrypt(SECRETS)
    assert SecretBox([NEW, OLD]).decrypt(token) == SECRETS


def test_rotation_frees_the_old_key():
    """After a rotation the new key alone is enough, and the digest is the one it makes."""
    token, digest = SecretBox([NEW, OLD]).rotate(SecretBox([OLD]).encrypt(SECRETS))
    assert SecretBox([NEW]).decrypt(token) == SECRETS
    assert SecretBox([NEW]).digest(SECRETS) == digest


@pytest.mark.parametrize("token", [b"", b"rubbish", SecretBox([OLD]).encrypt(SECRETS)])
def test_a_key_that_does_not_fit_is_one_line(token):
    """The line says what to do, and nothing about what is stored."""
    with pytest.raises(ConfigError) as caught:
        SecretBox([NEW]).decrypt(token)
    assert str(caught.value) == (
        "no key in RECONCILER_SECRET_KEYS opens the stored credentials; "
        "add the key they were encrypted with, or apply the channel file again"
    )
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("key", ["hunter2", "", "x" * 44, "ü" * 44])
def test_a_key_that_is_none_is_named_by_its_place_only(key):
    """A mistyped key may be nearly right, so it is never repeated."""
    with pytest.raises(ConfigError) as caught:
        SecretBox([NEW, key])
    assert str(caught.value) == (
        "key number 2 in RECONCILER_SECRET_KEYS is not a key; make one with: reconciler connections new-key"
    )


def test_no_keys_at_all_is_one_line():
    """An empty list of keys cannot keep anything."""
    with pytest.raises(ConfigError, match="holds no key"):
        SecretBox([])


def test_the_box_does_not_show_its_keys():
    """A repr in a traceback tells how many keys there are, and no more."""
    assert repr(SecretBox([NEW, OLD])) == "<SecretBox of 2 keys>"
