/** Texts as Secrets hold them. Pure. */

export function encodeBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))
}

/** The text, or nothing when it is none. */
export function decodeBase64(text: string | undefined): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text ?? ''), (letter) => letter.charCodeAt(0)))
  } catch {
    return ''
  }
}
