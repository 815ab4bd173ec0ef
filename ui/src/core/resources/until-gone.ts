/** Follows one object to its end; for deletions that take a while and say on the way what they do. */
import { Backoff } from '../backoff'
import { isAbort, isApiError, isTransient } from '../http'
import type { KubeObject } from '../kubernetes'
import { listPage, watch } from './fetching'
import type { Query } from './query'

/**
 * Does `begin`, then follows the object to its end. `seen` is told of every state, the very last one included: the watch
 * starts from before `begin`, so a deletion that is over in an instant is seen all the same.
 */
export async function untilGone<T extends KubeObject>(
  query: Query,
  begin: () => Promise<unknown>,
  seen: (object: T) => void,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff()
  let hasBegun = false
  const gone = new AbortController()
  while (!gone.signal.aborted) {
    try {
      const page = await listPage<T>(query, undefined, signal)
      const [present] = page.items
      if (!present) return
      seen(present)
      if (!hasBegun) await begin()
      hasBegun = true
      const handlers = {
        opened: () => backoff.reset(),
        changed: seen,
        removed: (object: T) => {
          seen(object)
          gone.abort()
        },
        reached: () => {},
      }
      await watch<T>(query, page.resourceVersion, handlers, AbortSignal.any([signal, gone.signal])).catch((error: unknown) => {
        if (!gone.signal.aborted) throw error
      })
    } catch (error) {
      if (signal.aborted || !hasBegun || (!isTransient(error) && !isAbort(error) && !isApiError(error, 410))) throw error
      await new Promise((resolve) => setTimeout(resolve, backoff.next()))
    }
  }
}
