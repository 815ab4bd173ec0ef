/** The pages of the fleet scope, in the order of the menu. */
import { Braces, House, ListChecks, Server, Settings } from '@lucide/vue'
import type { Component } from 'vue'
import type { RouteLocationRaw } from 'vue-router'

import { accessOf, type Need } from '@/core/access'
import { CLUSTERS } from '@/core/clusters'
import { management } from '@/core/scope'

import { frameMessages as m } from './messages'

export interface FleetPage {
  id: string
  label: () => string
  icon: Component
  to: RouteLocationRaw
  /** What seeing it needs. */
  need?: Need
}

const pages: FleetPage[] = [
  { id: 'home', label: () => m.home, icon: House, to: { name: 'home' } },
  {
    id: 'clusters',
    label: () => m.virtualization,
    icon: Server,
    to: { name: 'clusters' },
    need: { verb: 'list', group: CLUSTERS.group, resource: CLUSTERS.resource },
  },
  { id: 'tasks', label: () => m.tasks, icon: ListChecks, to: { name: 'tasks' } },
  {
    id: 'objects',
    label: () => m.objects,
    icon: Braces,
    to: { name: 'kinds', params: { cluster: management.id } },
    need: { verb: '*', group: '*', resource: '*' },
  },
  {
    id: 'settings',
    label: () => m.settings,
    icon: Settings,
    to: { name: 'settings' },
    need: { verb: 'update', group: CLUSTERS.group, resource: 'settings' },
  },
]

/** What is known of each page's need; all are asked for at once. Reactive. */
const answers = (): (boolean | undefined)[] => pages.map(({ need }) => !need || accessOf(management).may(need))

/** Whether the menu is whole. Reactive. */
export const isFleetKnown = (): boolean => !answers().includes(undefined)

/** Those that the person may see. What is not known yet holds up what comes after it: the menu grows, nothing in it moves. Reactive. */
export function fleetPages(): FleetPage[] {
  const known = answers()
  const unknown = known.indexOf(undefined)
  return pages.filter((_, index) => known[index] && (unknown === -1 || index < unknown))
}
