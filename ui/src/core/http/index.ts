/**
 * The one way to the server: cookie session, CSRF header, typed errors, time limits.
 *
 * A 401 in the middle of work is not an error of the caller: the request waits until the person has logged in again
 * (`onUnauthorized`) and is then sent once more, so nothing that was typed or clicked is lost. Network failures and
 * recoveries are told to `connection`.
 */
import { connection, isFromServer } from '../connection'
import { ApiError, NoAnswer, errorOf } from './errors'

export * from './errors'

/** An answer that has not begun after this time is given up. */
const DEFAULT_TIMEOUT_MS = 30_000
const CSRF_COOKIE = 'CSRF'
const CSRF_HEADER = 'X-Api-Csrf'

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown
  contentType?: string
  accept?: string
  query?: Record<string, string | number | boolean | undefined>
  signal?: AbortSignal
  timeoutMs?: number
  /** A 401 is this request's own business: logging in, asking who one is. */
  ownsUnauthorized?: boolean
}

/** Resolves when the person is logged in again; rejects when they left. */
type Renewal = () => Promise<void>
let renew: Renewal | null = null

export function onUnauthorized(renewal: Renewal): void {
  renew = renewal
}

/** The answer, with its body unread; errors are thrown. For streams and headers, else use `request`. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const response = await attempt(path, options)
  if (response.status !== 401 || options.ownsUnauthorized || !renew) return checked(response, path, options)
  await renew()
  return checked(await attempt(path, options), path, options)
}

/** The answer's JSON (or text, or nothing when there is none). */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(path, options)
  if (response.status === 204) return undefined as T
  const text = await read(response, path, options)
  const isJson = response.headers.get('Content-Type')?.includes('json') ?? false
  return (isJson && text !== '' ? JSON.parse(text) : text) as T
}

async function read(response: Response, path: string, { method = 'GET' }: RequestOptions): Promise<string> {
  try {
    return await response.text()
  } catch (cause) {
    if (isAbort(cause)) throw cause
    throw new NoAnswer('network', { method, path }, cause)
  }
}

async function checked(response: Response, path: string, { method = 'GET' }: RequestOptions): Promise<Response> {
  if (response.ok) return response
  throw await errorOf(response, { method, path })
}

async function attempt(path: string, options: RequestOptions): Promise<Response> {
  const { method = 'GET', body, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const headers = new Headers({ Accept: options.accept ?? 'application/json' })
  if (body !== undefined) headers.set('Content-Type', options.contentType ?? 'application/json')
  if (method !== 'GET') headers.set(CSRF_HEADER, cookie(CSRF_COOKIE) ?? '')
  // The limit is on the beginning of the answer only: a watch lasts as long as it likes.
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), timeoutMs)
  try {
    const response = await fetch(withQuery(path, options.query), {
      method,
      headers,
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit.signal]) : limit.signal,
      credentials: 'same-origin',
      redirect: 'error',
    })
    if (!isFromServer(response)) throw new TypeError(`HTTP ${response.status}, but not from the server`)
    connection.reached()
    return response
  } catch (cause) {
    if (signal?.aborted) throw cause
    if (limit.signal.aborted) throw new NoAnswer('timeout', { method, path }, cause)
    connection.suspect()
    throw new NoAnswer('network', { method, path }, cause)
  } finally {
    clearTimeout(timer)
  }
}

export function withQuery(path: string, query: RequestOptions['query'] = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${text}`
}

export function cookie(name: string, all: string = document.cookie): string | undefined {
  for (const part of all.split('; ')) {
    if (part.startsWith(`${name}=`)) return decodeURIComponent(part.slice(name.length + 1))
  }
  return undefined
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'

export { ApiError, NoAnswer }
