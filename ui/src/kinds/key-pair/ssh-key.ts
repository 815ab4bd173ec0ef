/** Public SSH keys as they stand in `authorized_keys`. Pure, but for the digest. */

/** What OpenSSH takes. */
const TYPES = /^(ssh-(rsa|ed25519|dss)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/
const MIN_RSA_BITS = 1024

export interface PublicKey {
  type: string
  body: Uint8Array
  comment: string
}

export type KeyProblem = 'empty' | 'private' | 'type' | 'body' | 'several' | 'weak'

/** The key in a text, or what is wrong with it. */
export function parseKey(text: string): PublicKey | KeyProblem {
  const line = text.trim()
  if (line === '') return 'empty'
  if (/PRIVATE KEY/.test(line)) return 'private'
  if (/[\r\n]/.test(line)) return 'several'
  const [type = '', encoded = '', ...rest] = line.split(/\s+/)
  if (!TYPES.test(type)) return 'type'
  const body = decode(encoded)
  // The body says its type again; whoever mixes two keys up notices here.
  if (!body || fieldAt(body, 0)?.text !== type || !isWhole(body)) return 'body'
  if (type === 'ssh-rsa' && rsaBits(body) < MIN_RSA_BITS) return 'weak'
  return { type, body, comment: rest.join(' ') }
}

function decode(encoded: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** A field of the wire format: four bytes of length, then that many bytes. */
function fieldAt(body: Uint8Array, offset: number): { text: string; bytes: Uint8Array; next: number } | undefined {
  if (body.length < offset + 4) return undefined
  const length = new DataView(body.buffer, body.byteOffset + offset, 4).getUint32(0)
  const next = offset + 4 + length
  if (next > body.length) return undefined
  const bytes = body.subarray(offset + 4, next)
  return { text: new TextDecoder().decode(bytes), bytes, next }
}

/** Whether the fields fill the body to its last byte: a key that was cut off when it was copied does not. */
function isWhole(body: Uint8Array): boolean {
  let offset = 0
  while (offset < body.length) {
    const field = fieldAt(body, offset)
    if (!field) return false
    offset = field.next
  }
  return true
}

/** The length of the modulus, which is the third field. */
function rsaBits(body: Uint8Array): number {
  const exponent = fieldAt(body, fieldAt(body, 0)?.next ?? body.length)
  const modulus = exponent && fieldAt(body, exponent.next)
  if (!modulus) return 0
  const first = modulus.bytes.findIndex((byte) => byte !== 0)
  return first < 0 ? 0 : (modulus.bytes.length - first) * 8
}

/** As `ssh-keygen -l` shows it: `SHA256:…`. */
export async function fingerprint({ body }: PublicKey): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', body.slice())
  return `SHA256:${btoa(String.fromCharCode(...new Uint8Array(digest))).replace(/=+$/, '')}`
}

/** A name for the key out of its comment: `alice@laptop` → `alice-laptop`. */
export const nameFrom = ({ comment }: PublicKey): string =>
  comment
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
