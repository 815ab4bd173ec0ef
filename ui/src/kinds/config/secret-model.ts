/** Secrets: keys and values, which stand in Base64 in the object. Pure. */
import type { KubeObject } from '@/core/kubernetes'

export interface Secret extends KubeObject {
  type?: string
  data?: Record<string, string> | null
  immutable?: boolean
}

/** Types that people make; every other one is edited as it is. */
export const TYPES = ['Opaque', 'kubernetes.io/basic-auth', 'kubernetes.io/ssh-auth', 'kubernetes.io/tls', 'kubernetes.io/dockerconfigjson'] as const

/** The keys a type demands. */
export const KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/basic-auth': ['username', 'password'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
}

export const keysOf = ({ data }: Secret): string[] => (typeof data === 'object' && data !== null ? Object.keys(data).sort() : [])

/** The text of a value; `undefined` when it is no text but bytes. */
export function decode(base64: unknown): string | undefined {
  if (typeof base64 !== 'string') return undefined
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.codePointAt(0) ?? 0)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

export function encode(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCodePoint(byte)).join(''))
}

/** How many bytes a value has. */
export function bytesOf(base64: unknown): number {
  if (typeof base64 !== 'string') return 0
  const trimmed = base64.replaceAll(/[=\s]+$/g, '')
  return Math.floor((trimmed.length * 3) / 4)
}

export interface Entry {
  key: string
  value: string
  /** As it was in the object, for values that are no text or were not looked at. */
  kept: string | null
}

/** An existing secret's values are not put into the form: what is not typed anew stays. */
export function entriesOf(secret: Secret | undefined, type: string): Entry[] {
  if (!secret) return blankEntries(type)
  return keysOf(secret).map((key) => ({ key, value: '', kept: secret.data?.[key] ?? '' }))
}

export const blankEntries = (type: string): Entry[] => (KEYS[type] ?? ['']).map((key) => ({ key, value: '', kept: null }))

export function dataFor(entries: readonly Entry[]): Record<string, string> {
  return Object.fromEntries(entries.filter(({ key }) => key.trim() !== '').map(({ key, value, kept }) => [key.trim(), value === '' && kept !== null ? kept : encode(value)]))
}

export type EntryProblem = 'required' | 'key' | 'same'

/** Keys as Kubernetes allows them, each once. */
export function entryProblem(entries: readonly Entry[], index: number): EntryProblem | null {
  const key = entries[index]?.key.trim() ?? ''
  if (key === '') return 'required'
  if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key)) return 'key'
  return entries.some((other, at) => at < index && other.key.trim() === key) ? 'same' : null
}
