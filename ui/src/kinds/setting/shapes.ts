/**
 * What each of Harvester's settings looks like: a value is one text, and inside it may be anything.
 *
 * A setting that is not here is edited as text, or as JSON when it holds JSON: clusters have settings that we do not
 * know, and lack some that we do.
 */

/** How one part of a JSON value, or a whole plain value, is edited. */
export type FieldKind =
  | 'text'
  | 'url'
  | 'number'
  | 'boolean'
  | 'choice'
  | 'multiline'
  /** A text that is not shown, and may be missing because the cluster keeps it elsewhere. */
  | 'secret'
  /** A list of texts, one a line. */
  | 'lines'
  | 'json'

export interface Field {
  /** Where it stands in the value, by dots; also what its words are found under. */
  path: string
  kind: FieldKind
  /** Of a choice. */
  options?: readonly string[]
  min?: number
  max?: number
  /** What it begins with where the value has nothing. */
  initial?: string | boolean
  /** Only there when another field has one of these values. */
  when?: { path: string; is: readonly (string | boolean)[] }
  optional?: boolean
  mono?: boolean
}

export type Shape =
  | { kind: 'plain'; field: Omit<Field, 'path'> }
  /** JSON with known fields; the others are kept. `canBeOff`: the empty text turns the whole off. */
  | { kind: 'object'; fields: readonly Field[]; canBeOff?: boolean }

export const GROUPS = ['machines', 'storage', 'network', 'security', 'upgrade', 'support', 'interface', 'other'] as const
export type Group = (typeof GROUPS)[number]

export interface SettingShape {
  group: Group
  shape: Shape
  isReadOnly?: boolean
  isExperimental?: boolean
}

const plain = (group: Group, kind: FieldKind, more: Omit<Field, 'path' | 'kind'> = {}): SettingShape => ({ group, shape: { kind: 'plain', field: { kind, ...more } } })
const object = (group: Group, fields: readonly Field[], canBeOff = false): SettingShape => ({ group, shape: { kind: 'object', fields, canBeOff } })
const readOnly = (shape: SettingShape): SettingShape => ({ ...shape, isReadOnly: true })
const experimental = (shape: SettingShape): SettingShape => ({ ...shape, isExperimental: true })

const S3 = { path: 'type', is: ['s3'] } as const
const OWN_NETWORK = { path: 'share-storage-network', is: [false] } as const

/** A network of its own for one kind of traffic. */
const dedicatedNetwork = (prefix = '', when?: Field['when']): Field[] => [
  { path: `${prefix}clusterNetwork`, kind: 'text', ...(when && { when }) },
  { path: `${prefix}vlan`, kind: 'number', min: 1, max: 4094, optional: true, ...(when && { when }) },
  { path: `${prefix}range`, kind: 'text', mono: true, ...(when && { when }) },
  { path: `${prefix}exclude`, kind: 'lines', optional: true, mono: true, ...(when && { when }) },
]

export const SHAPES: Readonly<Record<string, SettingShape>> = {
  'additional-guest-memory-overhead-ratio': plain('machines', 'number', { min: 0, optional: true }),
  'default-vm-termination-grace-period-seconds': plain('machines', 'number', { min: 0 }),
  'kubevirt-migration': object('machines', [
    { path: 'parallelMigrationsPerCluster', kind: 'number', min: 1 },
    { path: 'parallelOutboundMigrationsPerNode', kind: 'number', min: 1 },
    { path: 'bandwidthPerMigration', kind: 'text' },
    { path: 'completionTimeoutPerGiB', kind: 'number', min: 1 },
    { path: 'progressTimeout', kind: 'number', min: 1 },
    { path: 'allowAutoConverge', kind: 'boolean' },
    { path: 'allowPostCopy', kind: 'boolean' },
    { path: 'allowWorkloadDisruption', kind: 'boolean' },
    { path: 'unsafeMigrationOverride', kind: 'boolean' },
    { path: 'disableTLS', kind: 'boolean' },
    { path: 'matchSELinuxLevelOnMigration', kind: 'boolean' },
  ]),
  'max-hotplug-ratio': plain('machines', 'number', { min: 1, max: 20 }),
  'overcommit-config': object('machines', [
    { path: 'cpu', kind: 'number', min: 100 },
    { path: 'memory', kind: 'number', min: 100 },
    { path: 'storage', kind: 'number', min: 100 },
  ]),
  'vm-force-reset-policy': object('machines', [
    { path: 'enable', kind: 'boolean' },
    { path: 'period', kind: 'number', min: 1 },
    { path: 'vmMigrationTimeout', kind: 'number', min: 1, optional: true },
  ]),

  'auto-disk-provision-paths': plain('storage', 'text', { optional: true, mono: true }),
  'backup-target': object(
    'storage',
    [
      { path: 'type', kind: 'choice', options: ['nfs', 's3'], initial: 'nfs' },
      { path: 'endpoint', kind: 'text', optional: true, mono: true },
      { path: 'bucketName', kind: 'text', when: S3 },
      { path: 'bucketRegion', kind: 'text', when: S3 },
      { path: 'accessKeyId', kind: 'text', optional: true, when: S3 },
      { path: 'secretAccessKey', kind: 'secret', optional: true, when: S3 },
      { path: 'cert', kind: 'multiline', optional: true, mono: true, when: S3 },
      { path: 'virtualHostedStyle', kind: 'boolean', when: S3 },
      { path: 'refreshIntervalInSeconds', kind: 'number', min: 0, initial: '60', optional: true },
    ],
    true,
  ),
  'csi-driver-config': plain('storage', 'json'),
  'csi-online-expand-validation': plain('storage', 'json'),
  'default-storage-class': plain('storage', 'text', { mono: true }),
  'instance-manager-resources': object('storage', [
    { path: 'cpu.v1', kind: 'number', min: 0, max: 40, optional: true },
    { path: 'cpu.v2', kind: 'number', min: 0, max: 40, optional: true },
  ]),
  'longhorn-v2-data-engine-enabled': experimental(plain('storage', 'boolean')),
  'longhorn-v2-data-engine-hugepage-enabled': experimental(plain('storage', 'boolean')),
  'longhorn-v2-data-engine-memory-size': experimental(plain('storage', 'number', { min: 1 })),
  'volume-snapshot-class': plain('storage', 'text', { mono: true, optional: true }),

  'http-proxy': object('network', [
    { path: 'httpProxy', kind: 'text', optional: true, mono: true },
    { path: 'httpsProxy', kind: 'text', optional: true, mono: true },
    { path: 'noProxy', kind: 'text', optional: true, mono: true },
  ]),
  'ntp-servers': object('network', [{ path: 'ntpServers', kind: 'lines', optional: true, mono: true }]),
  'rwx-network': object('network', [{ path: 'share-storage-network', kind: 'boolean' }, ...dedicatedNetwork('network.', OWN_NETWORK)], true),
  'storage-network': object('network', dedicatedNetwork(), true),
  'vip-pools': plain('network', 'json', { optional: true }),
  'vm-migration-network': object('network', dedicatedNetwork(), true),

  'additional-ca': plain('security', 'multiline', { optional: true, mono: true }),
  'auto-rotate-rke2-certs': object('security', [
    { path: 'enable', kind: 'boolean' },
    { path: 'expiringInHours', kind: 'number', min: 1 },
  ]),
  'cluster-pod-security-standard': object('security', [
    { path: 'enabled', kind: 'boolean' },
    { path: 'whitelistedNamespacesList', kind: 'text', optional: true },
    { path: 'privilegedNamespacesList', kind: 'text', optional: true },
    { path: 'restrictedNamespacesList', kind: 'text', optional: true },
  ]),
  'cluster-registration-url': plain('security', 'text', { optional: true, mono: true }),
  'containerd-registry': plain('security', 'json', { optional: true }),
  'kubeconfig-default-token-ttl-minutes': plain('security', 'number', { min: 0 }),
  'rancher-cluster': object('security', [{ path: 'removeUpstreamClusterWhenNamespaceIsDeleted', kind: 'boolean' }]),
  'ssl-certificates': object('security', [
    { path: 'publicCertificate', kind: 'multiline', optional: true, mono: true },
    { path: 'privateKey', kind: 'secret', optional: true },
    { path: 'ca', kind: 'multiline', optional: true, mono: true },
  ]),
  'ssl-parameters': object('security', [
    { path: 'protocols', kind: 'text', optional: true, mono: true },
    { path: 'ciphers', kind: 'text', optional: true, mono: true },
  ]),
  'traefik-default-tls-options': plain('security', 'json', { optional: true }),

  'release-download-url': plain('upgrade', 'url', { optional: true }),
  'server-version': readOnly(plain('upgrade', 'text')),
  'upgradable-versions': readOnly(plain('upgrade', 'text')),
  'upgrade-checker-enabled': plain('upgrade', 'boolean'),
  'upgrade-checker-url': plain('upgrade', 'url', { optional: true }),
  'upgrade-config': object('upgrade', [
    { path: 'imagePreloadOption.strategy.type', kind: 'choice', options: ['sequential', 'parallel', 'skip'], initial: 'sequential' },
    { path: 'imagePreloadOption.strategy.concurrency', kind: 'number', min: 0, optional: true, when: { path: 'imagePreloadOption.strategy.type', is: ['parallel'] } },
    { path: 'nodeUpgradeOption.strategy.mode', kind: 'choice', options: ['auto', 'manual'], initial: 'auto' },
    { path: 'restoreVM', kind: 'boolean' },
    { path: 'logReadyTimeout', kind: 'text', optional: true },
  ]),

  'log-level': plain('support', 'choice', { options: ['info', 'debug', 'trace'] }),
  'support-bundle-expiration': plain('support', 'number', { min: 1 }),
  'support-bundle-file-name': plain('support', 'text', { optional: true }),
  'support-bundle-image': object('support', [
    { path: 'repository', kind: 'text', optional: true, mono: true },
    { path: 'tag', kind: 'text', optional: true, mono: true },
    { path: 'imagePullPolicy', kind: 'choice', options: ['Always', 'IfNotPresent', 'Never'], initial: 'IfNotPresent' },
  ]),
  'support-bundle-namespaces': plain('support', 'text', { optional: true }),
  'support-bundle-node-collection-timeout': plain('support', 'number', { min: 1 }),
  'support-bundle-timeout': plain('support', 'number', { min: 1 }),

  'api-ui-version': readOnly(plain('interface', 'text')),
  'ui-index': plain('interface', 'url', { optional: true }),
  'ui-path': plain('interface', 'text', { mono: true }),
  'ui-pl': plain('interface', 'text', { optional: true }),
  'ui-plugin-index': plain('interface', 'url', { optional: true }),
  'ui-source': plain('interface', 'choice', { options: ['auto', 'external', 'bundled'] }),

  'harvester-csi-ccm-versions': readOnly(plain('other', 'json')),
}

/** Also for settings that nobody told us of. */
export function shapeOf(name: string, value: string): SettingShape {
  const known = SHAPES[name]
  if (known) return known
  return plain('other', looksLikeJson(value) ? 'json' : value.includes('\n') ? 'multiline' : 'text', { optional: true })
}

function looksLikeJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
