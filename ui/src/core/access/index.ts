/**
 * What a person may do, asked of the cluster itself and never guessed.
 *
 * The first question is whether the person may do everything: for an administrator that is the only one. Others' needs
 * in a namespace are looked up in its rules (SelfSubjectRulesReview, one for all), and what those do not grant is asked
 * one by one (SelfSubjectAccessReview), because a cluster may decide by more than rules; these requests are few at a
 * time, and answers are kept for a while.
 *
 * What is not known yet is not offered: `may` answers `undefined`, which is falsy, and the page shows the thing when the
 * answer is yes. The server decides in the end; this only keeps refusals out of the way.
 */
import { computed, shallowReactive, shallowRef, type ComputedRef } from 'vue'

import { connection } from '../connection'
import { request } from '../http'
import { useScope, type Scope } from '../scope'
import { allows, needKey, type Need, type Rule } from './rules'

export type { Need } from './rules'

const FRESH_MS = 60_000
const MAX_REQUESTS_AT_ONCE = 6
const REVIEWS = '/apis/authorization.k8s.io/v1'

export class Access {
  private readonly answers = shallowReactive(new Map<string, boolean>())
  private readonly askedAt = new Map<string, number>()
  private readonly rules = new Map<string, Promise<Rule[]>>()
  private readonly queue: Need[] = []
  /** What got no answer. */
  private readonly failed = new Map<string, Need>()
  private isAdmin: Promise<boolean> | undefined
  /** Known to be an administrator: every answer is at hand. */
  private readonly isAllPowerful = shallowRef(false)
  private running = 0

  constructor(private readonly scope: Scope) {}

  /** Yes, no, or not known yet. Reactive. */
  may(need: Need): boolean | undefined {
    if (this.isAllPowerful.value) return true
    const key = needKey(need)
    if (Date.now() - (this.askedAt.get(key) ?? 0) > FRESH_MS) {
      this.askedAt.set(key, Date.now())
      // Gathers what one render asks for.
      queueMicrotask(() => {
        this.queue.push(need)
        this.drain()
      })
    }
    return this.answers.get(key)
  }

  mayAll(needs: readonly Need[]): boolean | undefined {
    let answer: boolean | undefined = true
    for (const need of needs) {
      const one = this.may(need)
      if (one === false) return false
      if (one === undefined) answer = undefined
    }
    return answer
  }

  private drain(): void {
    while (this.running < MAX_REQUESTS_AT_ONCE) {
      const need = this.queue.shift()
      if (!need) return
      this.running += 1
      void this.answer(need).finally(() => {
        this.running -= 1
        this.drain()
      })
    }
  }

  private async answer(need: Need): Promise<void> {
    const key = needKey(need)
    try {
      this.answers.set(key, (await this.isGranted(need)) || (await this.review(need)))
    } catch {
      // Not known; asked again at the next look, or when the server is back.
      this.askedAt.delete(key)
      this.failed.set(key, need)
    }
  }

  /** Asks once more what got no answer: pages wait for it. */
  askFailed(): void {
    const needs = [...this.failed.values()]
    this.failed.clear()
    for (const need of needs) this.may(need)
  }

  private async isGranted(need: Need): Promise<boolean> {
    if (await this.everything()) return true
    // Rules do not tell where they come from: what holds in one namespace says nothing about all of them.
    return need.namespace !== undefined && (await this.rulesOf(need.namespace)).some((rule) => allows(rule, need))
  }

  /** Whether the person may do everything everywhere: one answer for most of those who look after a cluster. */
  private everything(): Promise<boolean> {
    if (!this.isAdmin) {
      this.isAdmin = this.review({ verb: '*', group: '*', resource: '*' })
      this.isAdmin.then(
        (answer) => (this.isAllPowerful.value = answer),
        // Not known; the next question asks anew, and an administrator stays one until the server says otherwise.
        () => (this.isAdmin = undefined),
      )
      setTimeout(() => this.askAgain(), FRESH_MS)
    }
    return this.isAdmin.catch(() => false)
  }

  private askAgain(): void {
    this.isAdmin = undefined
    // Until then the last answer stands; the next question brings the new one.
    if (this.isAllPowerful.value) void this.everything()
  }

  private rulesOf(namespace: string): Promise<Rule[]> {
    let rules = this.rules.get(namespace)
    if (!rules) {
      rules = request<{ status?: { resourceRules?: Rule[] } }>(`${this.scope.base}${REVIEWS}/selfsubjectrulesreviews`, {
        method: 'POST',
        body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
      }).then(({ status }) => status?.resourceRules ?? [])
      this.rules.set(namespace, rules)
      const forget = (): boolean => this.rules.delete(namespace)
      rules.catch(forget)
      setTimeout(forget, FRESH_MS)
    }
    return rules
  }

  private async review({ verb, group, resource: path, namespace, name }: Need): Promise<boolean> {
    const [resource, subresource] = path.split('/')
    const { status } = await request<{ status?: { allowed?: boolean } }>(`${this.scope.base}${REVIEWS}/selfsubjectaccessreviews`, {
      method: 'POST',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, group, resource, subresource, namespace, name } },
      },
    })
    return status?.allowed ?? false
  }
}

const all = new Map<string, Access>()
connection.onRecovery(() => {
  for (const access of all.values()) access.askFailed()
})

export function accessOf(scope: Scope): Access {
  let access = all.get(scope.id)
  if (!access) {
    access = new Access(scope)
    all.set(scope.id, access)
  }
  return access
}

/** Another person may do other things. */
export function forgetAccess(): void {
  all.clear()
}

/** The access of the page's scope. */
export function useAccess(): ComputedRef<Access> {
  const scope = useScope()
  return computed(() => accessOf(scope.value))
}
