"""What all tables share: naming, column types, and checks that keep words within their vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, ClassVar, Final

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Integer, Interval, LargeBinary, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

#: Every constraint has a name, so that a migration can find it again.
NAMING: Final = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """The schema. Statements are set-based SQL; nothing is ever loaded through these classes."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        int: BigInteger,
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        timedelta: Interval,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Text),
    }


#: First in the key of every table that grows, so that it can be partitioned or sharded by channel.
ChannelKey = Annotated[int, mapped_column(Integer, primary_key=True, autoincrement=False)]
Key = Annotated[str, mapped_column(primary_key=True)]
#: Money in minor units.
Minor = Annotated[int, mapped_column(BigInteger)]


def one_of(column: str, words: type[Enum] | Iterable[str], *, name: str | None = None) -> CheckConstraint:
    """Keep a text column within a vocabulary. A text with a check grows by one cheap migration."""
    values = [member.value for member in words] if isinstance(words, type) else list(words)
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or column)


def check(name: str, condition: str) -> CheckConstraint:
    """Name a condition that every row keeps."""
    return CheckConstraint(condition, name=name)
