import { beforeEach, describe, expect, it, vi } from 'vitest'

import { json, refusal, serve, until } from '@/test/cluster'

import { connection } from '../connection'
import { ApiError, cookie, NoAnswer, onUnauthorized, request, withQuery } from '.'

beforeEach(() => {
  document.cookie = 'CSRF=abc123'
  onUnauthorized(() => Promise.reject(new Error('nobody there')))
})

describe('requests', () => {
  it('carry the CSRF token with everything that changes something', async () => {
    const { requests } = serve(() => json({ fine: true }))
    await request('/a')
    await request('/a', { method: 'POST', body: { name: 'x' } })
    expect(requests.map(({ headers }) => headers.get('X-Api-Csrf'))).toEqual([null, 'abc123'])
    expect(requests[1]?.body).toEqual({ name: 'x' })
  })

  it('turn a Status into an error with its fields', async () => {
    serve(() => refusal(422, 'Invalid', 'name is taken', { causes: [{ field: 'metadata.name', message: 'taken', reason: 'FieldValueDuplicate' }] }))
    const error = await request('/a').catch((problem: unknown) => problem)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ code: 422, reason: 'Invalid', message: 'name is taken', causes: [{ field: 'metadata.name', message: 'taken' }] })
  })

  it('turn any other answer into an error too', async () => {
    serve(() => new Response('<html>Bad gateway</html>', { status: 502, headers: { 'X-Request-Id': 'r-1' } }))
    await expect(request('/a')).rejects.toMatchObject({ code: 502, message: 'HTTP 502', request: { id: 'r-1', path: '/a', method: 'GET' } })
    serve(() => json({ type: 'error', code: 'Conflict', message: 'changed meanwhile' }, 409))
    await expect(request('/a')).rejects.toMatchObject({ code: 409, reason: 'Conflict', message: 'changed meanwhile' })
  })

  it('wait for the person when the session has ended, and then go out once more', async () => {
    let isIn = false
    const renewal = vi.fn(() => {
      isIn = true
      return Promise.resolve()
    })
    onUnauthorized(renewal)
    const { requests } = serve(() => (isIn ? json({ kept: true }) : refusal(401, 'Unauthorized')))
    await expect(request('/a', { method: 'PUT', body: { typed: 'text' } })).resolves.toEqual({ kept: true })
    expect(renewal).toHaveBeenCalledOnce()
    expect(requests.map(({ body }) => body)).toEqual([{ typed: 'text' }, { typed: 'text' }])
  })

  it('leave a 401 to those who own it', async () => {
    serve(() => refusal(401, 'Unauthorized'))
    await expect(request('/a', { ownsUnauthorized: true })).rejects.toMatchObject({ code: 401 })
  })

  it('tell a lost connection from a refusal, and notice its return', async () => {
    const isCut = vi.fn()
    const stopCut = connection.onCut(isCut)
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))
    await expect(request('/a')).rejects.toBeInstanceOf(NoAnswer)
    await until(() => connection.isLost.value)
    expect(isCut).toHaveBeenCalledOnce()
    stopCut()
    const back = vi.fn()
    const stop = connection.onRecovery(back)
    serve(() => json({}))
    await request('/a')
    expect(connection.isLost.value).toBe(false)
    expect(back).toHaveBeenCalledOnce()
    stop()
  })

  it('do not take a gateway in between for the server', async () => {
    serve((url) => (url.pathname === '/ping' ? new Response('pong', { headers: { 'X-Request-Id': 'r-2' } }) : new Response('<html>Bad gateway</html>', { status: 502 })))
    await expect(request('/a')).rejects.toMatchObject({ kind: 'network' })
    await until(() => connection.lostSince.value === null)
  })

  it('give up on an answer that does not begin', async () => {
    vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))))
    await expect(request('/a', { timeoutMs: 5 })).rejects.toMatchObject({ kind: 'timeout' })
  })
})

it('builds queries without what is not there', () => {
  expect(withQuery('/a', { watch: 1, limit: undefined, labelSelector: 'a=b,c' })).toBe('/a?watch=1&labelSelector=a%3Db%2Cc')
  expect(withQuery('/a?x=1', { y: true })).toBe('/a?x=1&y=true')
  expect(withQuery('/a')).toBe('/a')
})

it('reads one cookie among others', () => {
  expect(cookie('CSRF', 'R=1; CSRF=x%3Dy; CSRF2=z')).toBe('x=y')
  expect(cookie('CSRF', 'XCSRF=1')).toBeUndefined()
})
