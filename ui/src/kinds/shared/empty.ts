/** Objects as forms send them. Pure. */
import { isRecord } from '@/core/same'

/** A copy without the parts that say nothing: empty texts, lists and objects, at any depth. */
export function withoutEmpty<T>(value: T): T {
  if (!isRecord(value)) return value
  const entries = Object.entries(value)
    .map(([key, part]): [string, unknown] => [key, withoutEmpty(part)])
    .filter(([, part]) => !isEmpty(part))
  return Object.fromEntries(entries) as T
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isRecord(value) && Object.keys(value).length === 0
}
