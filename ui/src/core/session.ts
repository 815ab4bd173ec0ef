/**
 * Who is logged in. The session itself is a cookie that scripts cannot read; this knows the person and notices its end.
 *
 * When the session ends in the middle of work, the page stays: `state` turns to `expired`, a dialog asks for the
 * password, and every request that was refused is sent again afterwards.
 */
import { computed, shallowRef } from 'vue'

import { forgetAccess } from './access'
import { isApiError, onUnauthorized, request } from './http'
import { forgetAll } from './resources'

export interface Person {
  id: string
  username: string
  name: string
  mustChangePassword: boolean
}

type SessionState =
  /** Not asked yet. */
  | 'unknown'
  | 'in'
  | 'out'
  /** Was in; the page waits for the password. */
  | 'expired'

const state = shallowRef<SessionState>('unknown')
const person = shallowRef<Person | null>(null)
let waiters: (() => void)[] = []

export const session = {
  state: computed(() => state.value),
  person: computed(() => person.value),
  /** The one-time password just typed: setting an own one needs it, and nobody should type it twice. */
  typedPassword: null as string | null,
}

/** Asks the server who we are. */
export async function loadSession(): Promise<SessionState> {
  try {
    const { data } = await request<{ data?: Person[] }>('/v3/users?me=true', { ownsUnauthorized: true })
    const me = data?.[0]
    if (person.value && me && me.id !== person.value.id) startOver()
    person.value = me ?? null
    state.value = me ? 'in' : 'out'
  } catch (error) {
    if (!isApiError(error, 401)) throw error
    person.value = null
    state.value = 'out'
  }
  return state.value
}

export async function login(username: string, password: string): Promise<void> {
  await request('/v3-public/localProviders/local?action=login', {
    method: 'POST',
    body: { username, password, description: 'Console', responseType: 'cookie' },
    ownsUnauthorized: true,
  })
  const before = person.value
  await loadSession()
  session.typedPassword = person.value?.mustChangePassword ? password : null
  if (before && person.value && before.id !== person.value.id) {
    startOver()
    return
  }
  const resolved = waiters
  waiters = []
  for (const resolve of resolved) resolve()
}

export async function logout(): Promise<void> {
  await request('/v3/tokens?action=logout', { method: 'POST', body: {}, ownsUnauthorized: true }).catch(() => {})
  leave()
}

/** Sets one's own password. */
export async function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  await request('/v3/users?action=changepassword', { method: 'POST', body: { currentPassword, newPassword } })
  session.typedPassword = null
  await loadSession()
}

/** Whether nobody has set the first password yet. */
export async function isFirstLogin(): Promise<boolean> {
  const setting = await request<{ value?: string }>('/v3/settings/first-login', { ownsUnauthorized: true })
  return setting.value === 'true'
}

/** Forgets the person and everything that was shown to them. */
export function leave(): void {
  person.value = null
  session.typedPassword = null
  state.value = 'out'
  waiters = []
  forgetAll()
  forgetAccess()
}

/** Somebody else: nothing of the page may survive. */
function startOver(): void {
  location.reload()
}

onUnauthorized(() => {
  if (state.value === 'out') return Promise.reject(new Error('logged out'))
  state.value = 'expired'
  return new Promise((resolve) => waiters.push(resolve))
})
