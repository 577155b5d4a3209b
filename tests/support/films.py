"""Films of a few hundred bytes, as ISO 14496-12 wants them."""


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def full(kind: bytes, content: bytes) -> bytes:
    """A box of version 0 without flags."""
    return box(kind, bytes(4) + content)


def index(*, codec: bytes = b"avc1", told: bytes = b"") -> bytes:
    """A film of 2.5 s and 640x360; `told` goes into the film and into its track."""
    head = full(b"mvhd", bytes(8) + (1000).to_bytes(4, "big") + (2500).to_bytes(4, "big") + bytes(80))
    size = (640 << 16).to_bytes(4, "big") + (360 << 16).to_bytes(4, "big")
    samples = full(b"stsd", (1).to_bytes(4, "big") + box(codec, bytes(78)))
    media = box(b"mdia", full(b"hdlr", bytes(4) + b"vide" + bytes(13)) + box(b"minf", box(b"stbl", samples)))
    track = box(b"trak", full(b"tkhd", bytes(72) + size) + media + told)
    voice = box(b"mdia", full(b"hdlr", bytes(4) + b"soun" + bytes(13)))
    sound = box(b"trak", full(b"tkhd", bytes(80)) + voice)
    return box(b"moov", head + sound + track + told)


def film(moov: bytes = b"", brand: bytes = b"isom", compatible: bytes = b"isommp42") -> bytes:
    """A whole one, with a box of 64-bit size and one that goes to the end."""
    head = box(b"ftyp", brand + bytes(4) + compatible)
    wide = (1).to_bytes(4, "big") + b"free" + (20).to_bytes(8, "big") + bytes(4)
    return head + wide + (moov or index()) + (0).to_bytes(4, "big") + b"mdat" + b"pictures"
