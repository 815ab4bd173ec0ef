/** JSON merge patches (RFC 7386): what a form changed, and nothing else. Pure. */
import { isRecord, isSame } from '@/core/same'

/** The patch that makes `after` of `before`; `undefined` when they are the same. Lists are replaced as a whole. */
export function mergePatch(before: unknown, after: unknown): unknown {
  if (isSame(before, after)) return undefined
  if (!isRecord(before) || !isRecord(after)) return after
  const patch: Record<string, unknown> = {}
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (!(key in after) || after[key] === undefined) patch[key] = null
    else if (!(key in before)) patch[key] = after[key]
    else {
      const part = mergePatch(before[key], after[key])
      if (part !== undefined) patch[key] = part
    }
  }
  return patch
}
