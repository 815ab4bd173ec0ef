/**
 * Where the file of an image comes from. The browser follows the address, so that the bytes go to disk as they come.
 *
 * Longhorn gives out its backing images itself, packed with gzip. Images in other storage are first put into a file by
 * Harvester, which a downloader asks for; it goes when it is not needed any more.
 */
import { textAt, type KubeObject } from '@/core/kubernetes'

import { newObject } from '../new-object'
import { displayNameOf, isReady, type VirtualMachineImage } from './objects'

export const BACKING_IMAGES = { group: 'longhorn.io', version: 'v1beta2', resource: 'backingimages' }
export const DOWNLOADERS = { group: 'harvesterhci.io', version: 'v1beta1', resource: 'virtualmachineimagedownloaders' }
export const LONGHORN_NAMESPACE = 'longhorn-system'
const LONGHORN_API = 'http:longhorn-backend:9500'
const IMAGE_ID = 'harvesterhci.io/imageId'
const COMPRESSION = 'qcow2'

/** An encrypted image is nothing that anybody could use elsewhere. */
export const isDownloadable = (image: VirtualMachineImage): boolean => isReady(image) && image.spec?.securityParameters?.cryptoOperation !== 'encrypt'
export const isInCdi = (image: VirtualMachineImage): boolean => image.spec?.backend === 'cdi'
/** The image that a backing image was made for, `namespace/name`. */
export const imageOf = (backing: KubeObject): string | undefined => backing.metadata.annotations?.[IMAGE_ID]

const serviceProxy = (base: string, namespace: string, service: string, path: string): string =>
  `${base}/api/v1/namespaces/${encodeURIComponent(namespace)}/services/${service}/proxy${path}`

export interface Download {
  path: string
  file: string
}

export const backingDownload = (base: string, image: VirtualMachineImage, backing: KubeObject): Download => ({
  path: serviceProxy(base, LONGHORN_NAMESPACE, LONGHORN_API, `/v1/backingimages/${encodeURIComponent(backing.metadata.name)}/download`),
  file: `${displayNameOf(image)}.gz`,
})

/** Asks for the file of an image; called as the image, as Harvester does. */
export function downloaderFor({ metadata: { namespace = '', name } }: VirtualMachineImage): KubeObject {
  return newObject('harvesterhci.io/v1beta1', 'VirtualMachineImageDownloader', { name, namespace }, { spec: { imageName: name, compressType: COMPRESSION } })
}

/** The way to the file, once there is one. Only to a service of the image's own namespace, whatever the cluster says. */
export function preparedDownload(base: string, image: VirtualMachineImage, downloader: KubeObject | undefined): Download | undefined {
  const { namespace = '' } = image.metadata
  const address = textAt(downloader, 'status', 'status') === 'Ready' ? textAt(downloader, 'status', 'downloadUrl') : undefined
  const match = /^http:\/\/([a-z0-9]([-a-z0-9]*[a-z0-9])?)\.([-a-z0-9]+)(\/[-._~a-zA-Z0-9/]+)$/.exec(address ?? '')
  const [, service = '', , where, path = ''] = match ?? []
  if (where !== namespace || path.split('/').includes('..')) return undefined
  return { path: serviceProxy(base, namespace, `http:${service}:80`, path), file: `${displayNameOf(image).replace(/\.(qcow2|img|raw)$/i, '')}.${COMPRESSION}` }
}
