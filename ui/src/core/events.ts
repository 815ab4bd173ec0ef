/** Events of one object, newest first. */
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue'

import { timeOf } from './age'
import type { KubeObject } from './kubernetes'
import { useList, type LiveList } from './resources'
import type { Scope } from './scope'

export interface Event extends KubeObject {
  type?: string
  reason?: string
  message?: string
  count?: number
  firstTimestamp?: string | null
  lastTimestamp?: string | null
  eventTime?: string | null
  involvedObject?: { kind?: string; namespace?: string; name?: string; uid?: string }
  source?: { component?: string }
  reportingComponent?: string
}

export const EVENTS = { group: '', version: 'v1', resource: 'events' }

export const eventTime = (event: Event): number => timeOf(event.lastTimestamp) ?? timeOf(event.eventTime) ?? timeOf(event.firstTimestamp) ?? timeOf(event.metadata.creationTimestamp) ?? 0
export const byTime = (a: Event, b: Event): number => eventTime(b) - eventTime(a)

export function useEvents(scope: MaybeRefOrGetter<Scope>, object: MaybeRefOrGetter<KubeObject | undefined>): LiveList<Event> & { events: ComputedRef<Event[]> } {
  const list = useList<Event>(() => {
    const { namespace, name, uid } = toValue(object)?.metadata ?? {}
    if (!name) return null
    return { scope: toValue(scope), gvr: EVENTS, namespace, fieldSelector: uid ? `involvedObject.uid=${uid}` : `involvedObject.name=${name}` }
  })
  return { ...list, events: computed(() => list.items.value.toSorted(byTime)) }
}
