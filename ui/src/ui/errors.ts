/** An error in words for people: what happened, and what to do. */
import { ApiError, NoAnswer } from '@/core/http'

import { uiMessages as m } from './messages'

export interface Explained {
  title: string
  text: string
  hint?: string
  /** For a bug report. */
  details: string
}

export function explain(error: unknown): Explained {
  if (error instanceof NoAnswer) {
    const details = `${error.request.method} ${error.request.path}\n${String(error.cause ?? error.message)}`
    return error.kind === 'timeout'
      ? { title: m.errors.timeout, text: '', details }
      : { title: m.errors.network, text: '', hint: m.errors.networkHint, details }
  }
  if (error instanceof ApiError) {
    const { code, reason, message, request } = error
    const details = [`${request.method} ${request.path}`, `HTTP ${code} ${reason}`, request.id && `X-Request-Id: ${request.id}`, message]
    const explained = { title: titleOf(error), text: message, details: details.filter(Boolean).join('\n') }
    return code === 403 ? { ...explained, hint: m.errors.forbiddenHint } : explained
  }
  const text = error instanceof Error ? error.message : String(error)
  return { title: m.errors.other, text, details: error instanceof Error ? (error.stack ?? text) : text }
}

function titleOf({ code, reason }: ApiError): string {
  if (reason === 'AlreadyExists') return m.errors.exists
  if (code === 403) return m.errors.forbidden
  if (code === 404) return m.errors.missing
  if (code === 409) return m.errors.conflict
  if (code === 400 || code === 422) return m.errors.invalid
  if (code === 502 || code === 503 || code === 504) return m.errors.unavailable
  return code >= 500 ? m.errors.server : m.errors.other
}
