"""The body of a download, as it comes, to its very end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Final

import aiohttp

from psp.errors import UnavailableError
from psp.ogone.client import OgoneCaller
from psp.ogone.download_rows import DownloadError

_CHUNK_BYTES: Final = 65_536


async def downloaded(caller: OgoneCaller, form: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
    """Yield the body of a download.

    Raises `DownloadError` if less came than was announced, `UnavailableError` on a long silence,
    and what `OgoneCaller.open_download` raises.
    """
    response = await caller.open_download(form)
    read = 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            read += len(chunk)
            yield chunk
    except TimeoutError as error:
        detail = f"the download stopped coming after {read} bytes"
        raise UnavailableError(caller.account, detail) from error
    except (aiohttp.ClientError, OSError) as error:
        raise DownloadError(f"the download is cut off after {read} bytes") from error
    finally:
        # Whatever is left of the body is not worth reading for the sake of the connection.
        response.close()
