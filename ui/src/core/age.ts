/** How long ago: short words for tables, one clock for the whole page. */
import { computed, shallowRef } from 'vue'

import { formatDateTime } from './i18n'
import type { KubeObject } from './kubernetes'

const TICK_MS = 10_000
const clock = shallowRef(Date.now())
setInterval(() => {
  if (document.visibilityState === 'visible') clock.value = Date.now()
}, TICK_MS)
document.addEventListener('visibilitychange', () => {
  clock.value = Date.now()
})

/** The present, to ten seconds; reactive. */
export const now = computed(() => clock.value)

/** The furthest moment a `Date` can name. */
const MAX_TIME_MS = 8.64e15

/** Milliseconds since the epoch; `undefined` for what is no time, whoever sent it. */
export function timeOf(text: string | number | null | undefined): number | undefined {
  const time = typeof text === 'string' ? Date.parse(text) : text
  return typeof time === 'number' && Math.abs(time) <= MAX_TIME_MS ? time : undefined
}

/** Sorts objects by when they were made; those that do not say come last. */
export const latestFirst = (a: KubeObject, b: KubeObject): number => (timeOf(b.metadata.creationTimestamp) ?? 0) - (timeOf(a.metadata.creationTimestamp) ?? 0)

const UNITS: [seconds: number, letter: string, smaller: [seconds: number, letter: string] | null][] = [
  [86_400 * 365, 'y', [86_400, 'd']],
  [86_400 * 10, 'd', null],
  [86_400, 'd', [3_600, 'h']],
  [3_600, 'h', [60, 'm']],
  [60, 'm', null],
]

/** `42s`, `5m`, `3h 20m`, `2d 4h`, `31d`, `1y 12d`: as kubectl writes it, in every language. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  for (const [from, letter, smaller] of UNITS) {
    if (seconds < from) continue
    const size = letter === 'd' ? 86_400 : from
    const rest = smaller ? Math.floor((seconds % size) / smaller[0]) : 0
    return `${Math.floor(seconds / size)}${letter}${smaller && rest > 0 ? ` ${rest}${smaller[1]}` : ''}`
  }
  return `${seconds}s`
}

/** The age of a time stamp at this moment; reactive. */
export function age(text: string | number | null | undefined): string {
  const time = timeOf(text)
  return time === undefined ? '' : formatDuration(now.value - time)
}

/** A sentence of the server's with its times as people here write them. */
export const withMoments = (text: string): string => text.replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, moment)

/** The whole moment, for titles. */
export function moment(text: string | number | null | undefined): string {
  const time = timeOf(text)
  return time === undefined ? '' : formatDateTime(time)
}
