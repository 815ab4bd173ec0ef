/** Checks that need no server, in the words of Kubernetes' own rules. */
import { formMessages as m } from './messages'

/** Longest name of most objects; VM names become host names and label values. */
export const MAX_LABEL = 63

/** Why a text cannot be a name (RFC 1123 label), or nothing. */
export function nameProblem(name: string, max: number = MAX_LABEL): string | null {
  if (name === '') return m.required
  if (name.length > max) return m.longName(max)
  return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) ? null : m.badName
}

export const requiredProblem = (text: string): string | null => (text.trim() === '' ? m.required : null)
