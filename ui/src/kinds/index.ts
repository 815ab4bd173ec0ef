/** Every kind with a file. Loaded with the first page that needs them; a new kind is one line here. */
import { register } from '@/core/kinds'

import { addonKind } from './addon/addon'
import { backupKind, snapshotKind } from './backup/backup'
import { restoreKind } from './backup/restore'
import { scheduleKind } from './backup/schedule'
import { volumeSnapshotKind } from './backup/volume-snapshot'
import { cloudTemplateKind, configMapKind } from './config/cloud-template'
import { secretKind } from './config/secret'
import { pciDeviceKind, usbDeviceKind } from './device/passthrough'
import { gpuDeviceKind, networkDeviceKind, vgpuDeviceKind } from './device/sriov'
import { eventKind } from './event/event'
import { hostKind } from './host/host'
import { keyPairKind } from './key-pair'
import { roleKinds, serviceAccountKind } from './kubernetes/access'
import { definitionKind, persistentVolumeKind, resourceQuotaKind } from './kubernetes/definitions'
import { deploymentKind, podKind, serviceKind } from './kubernetes/workloads'
import { alertmanagerConfigKind, loggingKinds } from './monitoring/logging'
import { namespaceKind } from './namespace/namespace'
import { clusterNetworkKind } from './network/cluster-network'
import { ipPoolKind } from './network/ip-pool'
import { loadBalancerKind } from './network/load-balancer'
import { subnetKind, vpcKind } from './network/overlay'
import { linkMonitorKind, vlanConfigKind, vlanStatusKind } from './network/vlan-config'
import { vmNetworkKind } from './network/vm-network'
import { settingKind } from './setting/setting'
import { storageClassKind } from './storage/storage-class'
import { supportBundleKind } from './support/support-bundle'
import { virtualMachineImageKind } from './virtual-machine-image'
import { virtualMachineKind } from './virtual-machine'
import { templateKind, templateVersionKind } from './virtual-machine-template'
import { volumeKind } from './volume'

register([
  hostKind,
  virtualMachineKind,
  volumeKind,
  virtualMachineImageKind,
  namespaceKind,
  clusterNetworkKind,
  vlanConfigKind,
  vlanStatusKind,
  linkMonitorKind,
  vmNetworkKind,
  vpcKind,
  subnetKind,
  loadBalancerKind,
  ipPoolKind,
  scheduleKind,
  backupKind,
  snapshotKind,
  restoreKind,
  volumeSnapshotKind,
  templateKind,
  templateVersionKind,
  keyPairKind,
  cloudTemplateKind,
  configMapKind,
  storageClassKind,
  secretKind,
  settingKind,
  addonKind,
  networkDeviceKind,
  pciDeviceKind,
  gpuDeviceKind,
  vgpuDeviceKind,
  usbDeviceKind,
  supportBundleKind,
  eventKind,
  alertmanagerConfigKind,
  ...loggingKinds,
  podKind,
  deploymentKind,
  serviceKind,
  persistentVolumeKind,
  serviceAccountKind,
  ...roleKinds,
  resourceQuotaKind,
  definitionKind,
])
