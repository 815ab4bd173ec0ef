/** Faults of parts: what a component inside could not show. */
import { onErrorCaptured } from 'vue'

/** What a person did shows elsewhere, and the part itself is whole. Words in development, numbers in production. */
const FROM_HANDLER = /event handler|#runtime-[56]$/

/** Calls back when a component inside this one fails to set itself up or to draw. */
export function onFaultInside(take: (error: unknown) => void): void {
  onErrorCaptured((error, _part, where) => {
    if (FROM_HANDLER.test(where)) return true
    take(error)
    return false
  })
}
