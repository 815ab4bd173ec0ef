/** Every kind with a file. Loaded with the first page that needs them; a new kind is one line here. */
import { register } from '@/core/kinds'

import { namespaceKind } from './namespace'
import { nodeKind } from './node'
import { virtualMachineImageKind } from './virtual-machine-image'
import { virtualMachineKind } from './virtual-machine'

register([nodeKind, virtualMachineKind, virtualMachineImageKind, namespaceKind])
