/** Events of the whole cluster. */
import { Bell } from '@lucide/vue'

import { eventTime, type Event } from '@/core/events'
import { defineKind } from '@/core/kinds'
import { state } from '@/core/state'
import { eventMessages } from '@/frame/event-messages'

import { EVENTS } from '../shared/gvr'
import { eventKindMessages as m } from './messages'
import ObjectCell from './ObjectCell.vue'

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const at = (event: Event): string | undefined => (eventTime(event) > 0 ? new Date(eventTime(event)).toISOString() : undefined)
export const objectOf = ({ involvedObject }: Event): string => [text(involvedObject?.kind), text(involvedObject?.name)].filter(Boolean).join(' ')

export const eventKind = defineKind<Event>({
  ...EVENTS,
  kind: 'Event',
  namespaced: true,
  title: () => eventMessages.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Bell,
  nav: { group: 'monitoring', order: 10 },
  creatable: false,
  editable: false,
  displayName: (event) => text(event.reason) || event.metadata.name,
  state: ({ type }) => (type === 'Warning' ? state('attention', eventMessages.warning) : state('ok', eventMessages.normal)),
  columns: [
    { id: 'object', label: () => m.object, value: objectOf, cell: ObjectCell, width: 'minmax(140px, 1.6fr)', fact: true },
    { id: 'message', label: () => eventMessages.message, value: ({ message }) => text(message), width: 'minmax(200px, 3fr)', fact: true },
    { id: 'from', label: () => eventMessages.from, value: ({ source, reportingComponent }) => text(source?.component) || text(reportingComponent), hidden: true },
    { id: 'count', label: () => eventMessages.count, value: ({ count }) => (typeof count === 'number' ? count : 1), format: 'number', width: '84px' },
    { id: 'last', label: () => eventMessages.last, value: at, format: 'age', width: '104px' },
  ],
  facts: (event) => [
    { label: m.object, value: objectOf(event) },
    { label: eventMessages.reason, value: text(event.reason) },
    { label: eventMessages.message, value: text(event.message) },
    { label: eventMessages.from, value: text(event.source?.component) || text(event.reportingComponent) },
    { label: eventMessages.count, value: typeof event.count === 'number' ? event.count : 1, format: 'number' },
    { label: m.first, value: event.firstTimestamp, format: 'age' },
    { label: eventMessages.last, value: at(event), format: 'age' },
  ],
})
