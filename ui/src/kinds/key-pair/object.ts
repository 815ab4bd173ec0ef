/** A key pair's object; of a pair, only the public half is ever there. */
import type { KubeObject } from '@/core/kubernetes'

import { DESCRIPTION, HARVESTER } from '../virtual-machine/types'

export interface KeyPair extends KubeObject {
  spec?: { publicKey?: string }
  status?: { fingerPrint?: string }
}

export interface KeyModel {
  namespace: string
  name: string
  description: string
  publicKey: string
}

export function keyPairOf({ namespace, name, description, publicKey }: KeyModel): KeyPair {
  return {
    apiVersion: `${HARVESTER}/v1beta1`,
    kind: 'KeyPair',
    metadata: { name: name.trim(), namespace, ...(description && { annotations: { [DESCRIPTION]: description } }) },
    spec: { publicKey: publicKey.trim() },
  }
}
