"""The schema as typed models; migrations make it, and a check keeps the two alike."""

from reconciler.persistence.models.base import Base
from reconciler.persistence.models.configuration import ChannelRow, ConnectionRow, JobRow, MerchantRow
from reconciler.persistence.models.ledger import CoverageRow, CoveredRow, QuarantineRow, RunRow
from reconciler.persistence.models.orders import CartOrderRow, PosOrderRow
from reconciler.persistence.models.standing import ORDER_STANDING
from reconciler.persistence.models.work import AttemptRow, MismatchEventRow, MismatchRow, QueueEntryRow

__all__ = [
    "ORDER_STANDING",
    "AttemptRow",
    "Base",
    "CartOrderRow",
    "ChannelRow",
    "ConnectionRow",
    "CoverageRow",
    "CoveredRow",
    "JobRow",
    "MerchantRow",
    "MismatchEventRow",
    "MismatchRow",
    "PosOrderRow",
    "QuarantineRow",
    "QueueEntryRow",
    "RunRow",
]
