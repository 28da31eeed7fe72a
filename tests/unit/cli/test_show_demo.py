"""What a demo prints in the end."""

from reconciler.cli.show_demo import WIDTH, _vendors
from reconciler.demo.truth import End, Label
from reconciler.domain.verdict import Classification


def test_the_vendors_faults_are_told_in_lines_that_fit():
    """One after the other, those of one outcome together; a break in a line would be shown as a backslash."""
    faults = [f"shopify fault_number_{number}" for number in range(9)]
    labels = [
        Label(
            merchant="m",
            channel="c",
            subject=fault,
            classes=(Classification.CANNOT_TELL,),
            end=End.FLAGGED,
            fault=fault,
        )
        for fault in faults
    ]
    title, *lines = _vendors(labels)
    assert "Shopify and Square" in title
    assert len(lines) > 1
    assert lines[0].split()[:2] == ["cannot_tell", "Shopify"]
    assert all(len(line) <= WIDTH and "\n" not in line for line in lines)
    assert all(f"fault_number_{number}" in " ".join(lines) for number in range(9))
