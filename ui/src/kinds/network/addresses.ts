/** IPv4 addresses and blocks as numbers. Pure. */

/** The address as a number, or `undefined` when the text is not one. */
export function parseAddress(text: string): number | undefined {
  const parts = text.trim().split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined
  return parts.reduce((value, part) => value * 256 + Number(part), 0)
}

export interface Block {
  first: number
  last: number
  prefix: number
}

/** `10.0.0.0/24` as its first and last address; the address need not be the first one. */
export function parseBlock(text: string): Block | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text.trim())
  const address = match?.[1] === undefined ? undefined : parseAddress(match[1])
  const prefix = Number(match?.[2])
  if (address === undefined || prefix > 32) return undefined
  const size = 2 ** (32 - prefix)
  const first = Math.floor(address / size) * size
  return { first, last: first + size - 1, prefix }
}

export const contains = ({ first, last }: Block, address: number): boolean => address >= first && address <= last
