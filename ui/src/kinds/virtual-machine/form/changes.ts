/** What an edit changes, a line each. Pure. */
import { at } from '@/core/kubernetes'
import { isRecord, isSame } from '@/core/same'

import { parseJson } from '../types'

export interface Change {
  path: string
  from: string
  to: string
}

/** What nearly every path begins with. */
const COMMON = /^(spec\.template\.spec\.|metadata\.annotations\.harvesterhci\.io\/|spec\.)/
/** Longest text shown of a value. */
const MAX_SHOWN = 60

/** Records are followed down, lists of named things too; other values are shown as they are. */
export function changesBetween(before: unknown, after: unknown, path = ''): Change[] {
  if (isSame(before, after)) return []
  const [left, right] = [byName(before), byName(after)]
  if (left && right) {
    return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) => changesBetween(left[key], right[key], path === '' ? key : `${path}.${key}`))
  }
  return [{ path: path.replace(COMMON, ''), from: shown(before), to: shown(after) }]
}

/** A record, a list of named things, or one of them written as JSON in an annotation. */
function byName(value: unknown): Record<string, unknown> | undefined {
  if (typeof value === 'string') return /^[[{]/.test(value) ? byName(parseJson(value)) : undefined
  if (isRecord(value)) return value
  if (!Array.isArray(value)) return undefined
  const entries = value.map((item): [unknown, unknown] => [at(item, 'name') ?? at(item, 'metadata', 'name'), item])
  return entries.every(([name]) => typeof name === 'string') ? Object.fromEntries(entries as [string, unknown][]) : undefined
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return '–'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}
