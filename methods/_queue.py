"""MoCo's queue of keys, on lightly's; imported where it is needed, since lightly takes seconds."""

from __future__ import annotations

import torch
from lightly.models.modules.memory_bank import MemoryBankModule
from torch import Tensor


class Queue(MemoryBankModule):  # type: ignore[misc]
    """A queue whose place to write to the host knows: lightly's waits for the device in each step.

    Attributes:
        place: Where the next keys go; None: as ``bank_ptr`` says, which is stored.
    """

    place: int | None = None

    @torch.no_grad()
    def _dequeue_and_enqueue(self, batch: Tensor) -> None:
        """Replace the oldest keys by those of a batch ``[B, D]``, up to the end of the queue."""
        place = int(self.bank_ptr) if self.place is None else self.place
        end = min(place + len(batch), len(self.bank))
        self.bank[place:end] = batch[: end - place].detach()
        self.place = 0 if end == len(self.bank) else end
        self.bank_ptr.fill_(self.place)
