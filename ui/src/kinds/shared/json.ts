/** JSON inside a text field or an annotation. A cluster may hold anything there, so nothing is taken for granted. */
import { isRecord } from '@/core/same'

/** The value, or `undefined` when it is not JSON. */
export function parseJson(text: unknown): unknown {
  if (typeof text !== 'string' || text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The object in a text; an empty one when there is none. */
export function parseRecord(text: unknown): Record<string, unknown> {
  const value = parseJson(text)
  return isRecord(value) ? value : {}
}

/** The texts of a list in a text. */
export function parseTexts(text: unknown): string[] {
  const value = parseJson(text)
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : []
}
