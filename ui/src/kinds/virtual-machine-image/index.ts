/** Images that machines and volumes are made from. */
import { Disc3, HardDriveDownload, Lock, LockOpen, MonitorUp } from '@lucide/vue'

import { accessOf, type Need } from '@/core/access'
import { discovered } from '@/core/discovery'
import { defineAction, defineKind, type Context } from '@/core/kinds'
import { resourceId } from '@/core/kubernetes'

import ProgressCell from '../ProgressCell.vue'
import { readable } from '../shared/readable'
import { DESCRIPTION, IMAGES, MACHINES } from '../virtual-machine/types'
import { BACKING_IMAGES, DOWNLOADERS, imageOf, isDownloadable, isInCdi, LONGHORN_NAMESPACE } from './download'
import { imageMessages as m } from './messages'
import { displayNameOf, IMAGE_TYPE, isReady, OS_TYPE, progressOf, type VirtualMachineImage } from './objects'
import { imageState } from './state'

const descriptionOf = (image: VirtualMachineImage): string | undefined => image.metadata.annotations?.[DESCRIPTION] || image.spec?.description
const isEncrypted = (image: VirtualMachineImage): boolean => image.spec?.securityParameters?.cryptoOperation === 'encrypt'
const needsCreate = (): { verb: string; group: string; resource: string }[] => [{ verb: 'create', group: IMAGES.group, resource: IMAGES.resource }]

/** Words of a table, or the text itself where it is none of them. */
function wordOf(table: Readonly<Record<string, string>>, key: string | undefined): string | undefined {
  return key === undefined ? undefined : (table[key] ?? key)
}

const proxy = (namespace: string | undefined): Need => ({ verb: 'get', group: '', resource: 'services/proxy', namespace })

/** The file comes by way of a service: Longhorn's own, or one in the namespace of the image that is made for it. */
function mayDownload(image: VirtualMachineImage, { scope, joined }: Context): boolean {
  const access = accessOf(scope)
  if (!isInCdi(image)) return joined('backing', image).length > 0 && access.may(proxy(LONGHORN_NAMESPACE)) === true
  const { namespace } = image.metadata
  const isServed = discovered(scope)?.kinds.has(resourceId(DOWNLOADERS)) ?? false
  const downloader = (verb: string): Need => ({ verb, group: DOWNLOADERS.group, resource: DOWNLOADERS.resource, namespace })
  return isServed && access.mayAll([downloader('create'), downloader('list'), downloader('watch'), downloader('delete'), proxy(namespace)]) === true
}

export const virtualMachineImageKind = defineKind<VirtualMachineImage>({
  ...IMAGES,
  kind: 'VirtualMachineImage',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Disc3,
  nav: { group: 'main', order: 40 },
  displayName: displayNameOf,
  joins: { backing: { query: ({ scope }) => readable(scope, BACKING_IMAGES, { namespace: LONGHORN_NAMESPACE }), owner: imageOf } },
  state: imageState,
  columns: [
    { id: 'description', label: () => m.columns.description, value: descriptionOf },
    { id: 'storage-class', label: () => m.columns.storageClass, value: (image) => image.status?.storageClassName ?? image.spec?.targetStorageClassName, hidden: true },
    { id: 'progress', label: () => m.columns.progress, value: (image) => progressOf(image) ?? 0, cell: ProgressCell, fact: true, width: '116px' },
    { id: 'size', label: () => m.columns.size, value: (image) => image.status?.size, format: 'bytes', fact: true, width: '100px' },
    { id: 'virtual-size', label: () => m.columns.virtualSize, value: (image) => image.status?.virtualSize, format: 'bytes', width: '110px' },
    { id: 'os', label: () => m.columns.os, value: (image) => image.metadata.labels?.[OS_TYPE], hidden: true },
    { id: 'backend', label: () => m.columns.backend, value: (image) => image.spec?.backend, hidden: true },
  ],
  actions: [
    defineAction<VirtualMachineImage>({
      id: 'create-machine',
      label: () => m.actions.createMachine,
      icon: MonitorUp,
      primary: true,
      needs: () => [{ verb: 'create', group: MACHINES.group, resource: MACHINES.resource }],
      when: isReady,
      run: ({ metadata: { namespace, name } }, { scope, go }) => go({ name: 'create', params: { cluster: scope.id, resource: resourceId(MACHINES) }, query: { image: `${namespace}/${name}` } }),
    }),
    defineAction<VirtualMachineImage>({ id: 'encrypt', label: () => m.actions.encrypt, icon: Lock, needs: needsCreate, when: (image) => isReady(image) && !isEncrypted(image), dialog: () => import('./EncryptDialog.vue') }),
    defineAction<VirtualMachineImage>({ id: 'decrypt', label: () => m.actions.decrypt, icon: LockOpen, needs: needsCreate, when: (image) => isReady(image) && isEncrypted(image), dialog: () => import('./DecryptDialog.vue') }),
    defineAction<VirtualMachineImage>({
      // `download` is the YAML.
      id: 'download-image',
      label: () => m.actions.download,
      icon: HardDriveDownload,
      needs: () => [{ verb: 'get', group: IMAGES.group, resource: IMAGES.resource }],
      when: (image, context) => isDownloadable(image) && mayDownload(image, context),
      dialog: () => import('./DownloadDialog.vue'),
    }),
  ],
  facts: (image) => [
    { label: m.facts.description, value: descriptionOf(image) },
    { label: m.facts.source, value: wordOf(m.sources, image.spec?.sourceType) },
    { label: m.facts.url, value: image.spec?.url, format: 'mono' },
    { label: m.facts.size, value: image.status?.size, format: 'bytes' },
    { label: m.facts.virtualSize, value: image.status?.virtualSize, format: 'bytes' },
    { label: m.facts.type, value: wordOf(m.types, image.metadata.labels?.[IMAGE_TYPE]) },
    { label: m.facts.os, value: image.metadata.labels?.[OS_TYPE] },
    { label: m.facts.storageClass, value: image.status?.storageClassName, format: 'mono' },
    { label: m.facts.target, value: image.spec?.targetStorageClassName },
    { label: m.facts.checksum, value: image.spec?.checksum, format: 'mono' },
    { label: m.facts.failures, value: image.status?.failed || undefined, format: 'number' },
  ],
  overview: () => import('./ImageOverview.vue'),
  form: () => import('./ImageForm.vue'),
  // Imported machines bring images that nobody asked for.
  isInternal: (image) => image.metadata.labels?.['migration.harvesterhci.io/imported'] === 'true',
})
