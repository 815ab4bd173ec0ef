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

/** Whether the menu is whole. Reactive. */
export const isFleetKnown = (): boolean => pages.every(({ need }) => !need || accessOf(management).may(need) !== undefined)

/** Those that the person may see. What is not known yet holds up what comes after it: the menu grows, nothing in it moves. Reactive. */
export function fleetPages(): FleetPage[] {
  const access = accessOf(management)
  const answers = pages.map(({ need }) => !need || access.may(need))
  const unknown = answers.indexOf(undefined)
  const known = unknown === -1 ? pages : pages.slice(0, unknown)
  return known.filter((_, index) => answers[index])
}
