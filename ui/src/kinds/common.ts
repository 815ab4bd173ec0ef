/** What can be done to an object of any kind. */
import { Copy, Download, FileCode, Pencil, Trash2 } from '@lucide/vue'

import { kindId, type Action, type ActionContext, type Kind } from '@/core/kinds'
import type { KubeObject } from '@/core/kubernetes'
import { read, remove } from '@/core/resources'
import { NO_NAMESPACE } from '@/router'
import { download } from '@/ui/clipboard'

import { commonMessages as m } from './common-messages'

/** The route of an object's page. */
export function objectRoute(name: 'object' | 'edit', scope: string, kind: Kind, object: KubeObject): { name: string; params: Record<string, string> } {
  const { namespace = NO_NAMESPACE, name: objectName } = object.metadata
  return { name, params: { cluster: scope, resource: kindId(kind), namespace, name: objectName } }
}

const needs = (verb: string) => (kind: Kind) => [{ verb, group: kind.group, resource: kind.resource }]
const nameOf = (object: KubeObject, { kind }: ActionContext): string => kind.displayName?.(object) || object.metadata.name

export const commonActions: Action[] = [
  {
    id: 'edit',
    label: () => m.edit,
    icon: Pencil,
    key: 'e',
    needs: needs('update'),
    run: (object, { scope, kind, go }) => go(objectRoute('edit', scope.id, kind, object)),
  },
  {
    id: 'edit-yaml',
    label: () => m.editYaml,
    icon: FileCode,
    needs: needs('update'),
    run: (object, { scope, kind, go }) => go({ ...objectRoute('edit', scope.id, kind, object), query: { as: 'yaml' } }),
  },
  {
    id: 'clone',
    label: () => m.clone,
    icon: Copy,
    needs: needs('create'),
    run: (object, { scope, kind, go }) => {
      const { namespace = NO_NAMESPACE, name } = object.metadata
      go({ name: 'create', params: { cluster: scope.id, resource: kindId(kind) }, query: { from: `${namespace}/${name}` } })
    },
  },
  {
    id: 'download',
    label: () => m.download,
    icon: Download,
    bulk: true,
    needs: needs('get'),
    run: async (object, { scope, kind }) => {
      const { editable, toYaml } = await import('@/core/yaml')
      const { namespace, name } = object.metadata
      download(`${kind.resource}-${name}.yaml`, toYaml(editable(await read(scope, kind, { namespace, name }))))
    },
  },
  {
    id: 'delete',
    label: () => m.deleteOne,
    icon: Trash2,
    bulk: true,
    danger: true,
    needs: needs('delete'),
    when: (object) => !object.metadata.deletionTimestamp,
    confirm: (objects, context) => {
      const [only] = objects
      const name = only ? nameOf(only, context as ActionContext) : ''
      return { title: objects.length === 1 ? m.deleteTitle(name) : m.deleteSeveral(objects.length), text: m.deleteText, confirm: m.deleteOne, danger: true }
    },
    run: (object, { scope, kind }) => remove(scope, kind, object),
  },
]

/** All actions of a kind: its own first, then the common ones it allows; one that it replaces keeps its place. */
export function actionsOf(kind: Kind): Action[] {
  const own = new Map((kind.actions ?? []).map((action) => [action.id, action]))
  const replaced = new Set(commonActions.map(({ id }) => id).filter((id) => own.has(id)))
  const isOffered = ({ id }: Action): boolean => {
    if (replaced.has(id)) return true
    if (id === 'edit') return kind.form !== undefined && kind.editable !== false
    if (id === 'edit-yaml') return kind.editable !== false
    if (id === 'clone') return kind.creatable !== false
    return id !== 'delete' || kind.deletable !== false
  }
  return [...[...own.values()].filter(({ id }) => !replaced.has(id)), ...commonActions.filter(isOffered).map((action) => own.get(action.id) ?? action)]
}
