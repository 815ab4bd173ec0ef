/** Kubernetes' quantities: `500m`, `2Gi`, `1e3`. */
import { formatNumber } from './i18n'

const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** The number, or `undefined` when it is not a quantity. */
export function parseQuantity(text: unknown): number | undefined {
  if (typeof text === 'number') return text
  if (typeof text !== 'string') return undefined
  const match = /^([+-]?\d*\.?\d+)(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text.trim())
  if (!match) return undefined
  const [, digits, exponent, suffix = ''] = match
  const factor = exponent === undefined ? SUFFIXES[suffix] : 10 ** Number(exponent)
  return factor === undefined ? undefined : Number(digits) * factor
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']

/** `4 GiB`, `1.5 TiB`: binary units, as memory and disks are given in Kubernetes. */
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined || !Number.isFinite(bytes)) return ''
  let value = Math.abs(bytes)
  let unit = 0
  while (value >= 1024 && unit < BINARY.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${bytes < 0 ? '−' : ''}${formatNumber(value)} ${BINARY[unit]}`
}

/** A quantity in bytes, for people. */
export const formatByteQuantity = (text: unknown): string => formatBytes(parseQuantity(text))

/** Whole and half cores: `4`, `0.5`. */
export function formatCores(text: unknown): string {
  const cores = parseQuantity(text)
  return cores === undefined ? '' : formatNumber(cores)
}
