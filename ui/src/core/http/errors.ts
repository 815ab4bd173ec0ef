/** What can come of a request beside an answer. */

/** One thing the server objects to, with the field it is about. */
export interface Cause {
  /** As Kubernetes writes it: `spec.template.spec.domain.cpu`, `spec.disks[0].name`. */
  field: string
  message: string
  reason: string
}

/** Kubernetes' `Status`, as far as clients read it; the Rancher-compatible endpoints answer `{code, message}`. */
interface StatusBody {
  reason?: string
  code?: string | number
  message?: string
  details?: { causes?: Partial<Cause>[]; retryAfterSeconds?: number; kind?: string; name?: string }
}

/** The server answered, and the answer is no. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  constructor(
    /** The HTTP status code. */
    readonly code: number,
    /** One word for programs: `NotFound`, `Conflict`, `Invalid`… */
    readonly reason: string,
    message: string,
    readonly request: { method: string; path: string; id: string | null },
    readonly causes: readonly Cause[] = [],
    readonly retryAfterSeconds?: number,
  ) {
    super(message)
  }
}

/** No answer came: the network, the server or the time limit. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  constructor(
    readonly kind: 'network' | 'timeout',
    readonly request: { method: string; path: string },
    cause?: unknown,
  ) {
    super(kind === 'timeout' ? 'The server did not answer in time' : 'The server cannot be reached', { cause })
  }
}

export const isApiError = (error: unknown, code?: number): error is ApiError =>
  error instanceof ApiError && (code === undefined || error.code === code)

/** Whether trying the same again later can help. */
export function isTransient(error: unknown): boolean {
  return error instanceof NoAnswer || (error instanceof ApiError && (error.code === 429 || error.code >= 500))
}

const FALLBACK_REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
}

/** Makes an error of an answer, whatever its body is. */
export async function errorOf(response: Response, request: { method: string; path: string }): Promise<ApiError> {
  const text = await response.text().catch(() => '')
  const body = parse(text)
  const reason = body?.reason ?? (typeof body?.code === 'string' ? body.code : undefined)
  const causes = (body?.details?.causes ?? []).map(({ field = '', message = '', reason = '' }) => ({ field, message, reason }))
  const header = Number(response.headers.get('Retry-After'))
  return new ApiError(
    response.status,
    reason ?? FALLBACK_REASONS[response.status] ?? 'InternalError',
    body?.message ?? (text.length > 0 && text.length < 1000 && !text.startsWith('<') ? text : `HTTP ${response.status}`),
    { ...request, id: response.headers.get('X-Request-Id') },
    causes,
    body?.details?.retryAfterSeconds ?? (header > 0 ? header : undefined),
  )
}

/** The error of a `Status` that came inside a stream. */
export function errorOfStatus(status: unknown, request: { method: string; path: string }): ApiError {
  const body = (status ?? {}) as StatusBody
  const code = typeof body.code === 'number' ? body.code : 500
  return new ApiError(code, body.reason ?? FALLBACK_REASONS[code] ?? 'InternalError', body.message ?? `HTTP ${code}`, {
    ...request,
    id: null,
  })
}

function parse(text: string): StatusBody | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
