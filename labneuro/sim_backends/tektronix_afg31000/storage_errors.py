"""Errors of the mass storage.

References
----------
SCPI-99 volume 2, section 21.8.11 (execution errors -250 to -258). Which of them the
AFG31000 reports was not found: its manual only says "an error".
"""

from __future__ import annotations

MASS_STORAGE_ERROR = -250
MISSING_MEDIA = -252
FILE_NOT_FOUND = -256
FILE_NAME_ERROR = -257
MEDIA_PROTECTED = -258

STORAGE_ERROR_TEXTS = {
    MASS_STORAGE_ERROR: "Mass storage error",
    MISSING_MEDIA: "Missing media",
    FILE_NOT_FOUND: "File name not found",
    FILE_NAME_ERROR: "File name error",
    MEDIA_PROTECTED: "Media protected",
}
