/** Kubernetes' list and watch over HTTP: pages in, events out. No state, no Vue. */
import { ApiError, NoAnswer, errorOfStatus, isAbort, request, send } from '../http'
import { resourcePath, type KubeObject } from '../kubernetes'
import { soundObject } from '../sound'
import { eachLine } from './lines'
import { queryPath, selectorsOf, type Query } from './query'

/** Objects asked for at first: a screen is full, and shows while the others are still on their way. */
export const FIRST_PAGE_SIZE = 100
/** Objects asked for at once from then on. */
export const PAGE_SIZE = 500
/** The server ends a watch after this time and we begin the next: a dead connection cannot go unnoticed for longer. */
const WATCH_SECONDS = 290

export interface Page<T> {
  items: T[]
  resourceVersion: string
  /** What follows this page. */
  continue?: string
  remaining?: number
}

interface ListBody<T> {
  items?: T[] | null
  metadata?: { resourceVersion?: string; continue?: string; remainingItemCount?: number }
}

export async function listPage<T extends KubeObject>(query: Query, token: string | undefined, signal: AbortSignal): Promise<Page<T>> {
  const body = await request<ListBody<T>>(queryPath(query), {
    query: { ...selectorsOf(query), limit: token ? PAGE_SIZE : FIRST_PAGE_SIZE, continue: token },
    signal,
  })
  const { resourceVersion = '', continue: next, remainingItemCount } = body.metadata ?? {}
  const items = Array.isArray(body.items) ? body.items : []
  const page: Page<T> = { items: items.map((item) => soundObject<T>(item)).filter((item) => item !== null), resourceVersion }
  if (next) page.continue = next
  if (remainingItemCount !== undefined) page.remaining = remainingItemCount
  return page
}

/** One object without the right to list: read by its name. */
export async function readOne<T extends KubeObject>({ scope, gvr, namespace, name }: Query, signal: AbortSignal): Promise<T> {
  const path = scope.base + resourcePath(gvr, { namespace, name })
  const object = soundObject<T>(await request(path, { signal }))
  if (!object) throw new SyntaxError(`${path} answered with something that is no object`)
  return object
}

export interface WatchHandlers<T> {
  /** The server accepted the watch. */
  opened(): void
  /** `isNew`: the server says that there was none before. */
  changed(object: T, isNew: boolean): void
  removed(object: T): void
  /** How far the stream is, also without news. */
  reached(resourceVersion: string): void
}

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: unknown
}

/** Follows a collection until the server ends the stream; an expired version throws with code 410. */
export async function watch<T extends KubeObject>(
  query: Query,
  resourceVersion: string,
  handlers: WatchHandlers<T>,
  signal: AbortSignal,
): Promise<void> {
  const path = queryPath(query)
  const response = await send(path, {
    query: { ...selectorsOf(query), watch: 1, resourceVersion, allowWatchBookmarks: true, timeoutSeconds: WATCH_SECONDS },
    signal,
  })
  handlers.opened()
  if (!response.body) return
  const take = (line: string): void => {
    const { type, object: sent } = JSON.parse(line) as WatchEvent
    if (type === 'ERROR') throw errorOfStatus(sent, { method: 'GET', path })
    const object = soundObject<T>(sent)
    if (!object) return
    if (type === 'DELETED') handlers.removed(object)
    else if (type !== 'BOOKMARK') handlers.changed(object, type === 'ADDED')
    if (object.metadata.resourceVersion) handlers.reached(object.metadata.resourceVersion)
  }
  try {
    await eachLine(response.body, take)
  } catch (error) {
    if (error instanceof ApiError || error instanceof SyntaxError || isAbort(error)) throw error
    // The browser says TypeError when a stream is cut.
    throw new NoAnswer('network', { method: 'GET', path }, error)
  }
}
