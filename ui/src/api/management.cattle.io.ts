// Written by scripts/types.mjs from crds/; `npm run types` writes it anew.
import type { Gvr, KubeObject } from '@/core/kubernetes'

/** A token that lets one cluster join, with the address of its import manifest. */
export interface ClusterRegistrationToken extends KubeObject {
  /** Which cluster the token is for. */
  spec?: {
    /** The management cluster's name; it is also the namespace of this object. */
    clusterName?: string
    /** Minutes an expired token is still taken. */
    gracePeriod?: number | null
    /** Minutes the token lives; absent or 0 is for ever. */
    ttl?: number | null
  }
  /** The token and every form of the command, filled in by the server in the answer to the create. */
  status?: {
    /** For a cluster that trusts the server's certificate. */
    command?: string | null
    /** Conditions, unused so far. */
    conditions?: ({
      /** When `status` last changed (RFC 3339). */
      lastTransitionTime?: string | null
      /** When the entry was last written (RFC 3339). */
      lastUpdateTime?: string | null
      /** One sentence for people. */
      message?: string | null
      /** One word for machines. */
      reason?: string | null
      /** `True`, `False` or `Unknown`. */
      status: string
      /** What it tells of, such as `Ready`; one entry a type. */
      type: string
    })[] | null
    /** When the token stops being taken (RFC 3339). */
    expiresAt?: string | null
    /** For a cluster that does not. */
    insecureCommand?: string | null
    /** The same without verification. */
    insecureNodeCommand?: string | null
    /** The same for Windows without verification. */
    insecureWindowsNodeCommand?: string | null
    /** Where the cluster fetches its manifest. */
    manifestUrl?: string | null
    /** Rancher's command for custom clusters; here for clients that read it. */
    nodeCommand?: string | null
    /** The token: 54 symbols. Whoever may `get` this object sees it. */
    token?: string | null
    /** The same for Windows. */
    windowsNodeCommand?: string | null
  } | null
}

export const CLUSTER_REGISTRATION_TOKEN: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'clusterregistrationtokens' }

/** Who has a role template in a cluster. */
export interface ClusterRoleTemplateBinding extends KubeObject {
  /** The cluster. */
  clusterName?: string
  /** Or a group of the server. */
  groupName?: string
  /** Or a group's principal. */
  groupPrincipalName?: string
  /** The role template. */
  roleTemplateName?: string
  /** The user's id. */
  userName?: string
  /** Or the user's principal. */
  userPrincipalName?: string
}

export const CLUSTER_ROLE_TEMPLATE_BINDING: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'clusterroletemplatebindings' }

/** A cluster that is or will be reached through its agent. */
export interface Cluster extends KubeObject {
  /** What is wanted. Fields that Grange does not read are kept as they are. */
  spec?: {
    /** Environment of the agent. */
    agentEnvVars?: ({
      /** Its name. */
      name: string
      /** Its value. */
      value?: string | null
      /** Where its value comes from instead, as in a Pod. */
      valueFrom?: Record<string, unknown> | null
    })[] | null
    /** An image for the agent instead of the server's own choice. */
    agentImageOverride?: string | null
    /** How the agent's Deployment differs. */
    clusterAgentDeploymentCustomization?: Record<string, unknown> | null
    /** What it is for. */
    description?: string | null
    /** The image the agent should run. */
    desiredAgentImage?: string | null
    /** The name people know it by; unique whatever the case of its letters. */
    displayName?: string
    /** Carried, not acted on. */
    enableNetworkPolicy?: boolean | null
    /** The namespace of its provisioning object. */
    fleetWorkspaceName?: string | null
    /** `kubeConfig`, `privateRegistryURL`. */
    importedConfig?: Record<string, unknown> | null
    /** Whether it is the cluster the server itself runs in. */
    internal?: boolean | null
    /** Carried, not acted on. */
    localClusterAuthEndpoint?: Record<string, unknown> | null
  }
  /** What is so. */
  status?: {
    /** The image its agent was given. */
    agentImage?: string | null
    /** Sum of what the nodes can give to workloads. */
    allocatable?: Record<string, string> | null
    /** The address of the cluster's own API server, as its agent knows it. */
    apiEndpoint?: string | null
    /** The environment its agent was given. */
    appliedAgentEnvVars?: ({
      /** Its name. */
      name: string
      /** Its value. */
      value?: string | null
      /** Where its value comes from instead, as in a Pod. */
      valueFrom?: Record<string, unknown> | null
    })[] | null
    /** Base64 PEM of the cluster's CA, where it is known. */
    caCert?: string | null
    /** Sum of the nodes' capacity: `cpu`, `memory`, `pods`. */
    capacity?: Record<string, string> | null
    /** How far the import is, and how it goes. */
    conditions?: ({
      /** When `status` last changed (RFC 3339). */
      lastTransitionTime?: string | null
      /** When the entry was last written (RFC 3339). */
      lastUpdateTime?: string | null
      /** One sentence for people. */
      message?: string | null
      /** One word for machines. */
      reason?: string | null
      /** `True`, `False` or `Unknown`. */
      status: string
      /** What it tells of, such as `Ready`; one entry a type. */
      type: string
    })[] | null
    /** `imported` once the agent connected. */
    driver?: string | null
    /** A summary for lists. */
    info?: {
      /** The nodes' architecture, or `mixed`. */
      arch?: string | null
      /** `gitVersion`. */
      kubernetesVersion?: string | null
      /** `harvester` for Harvester clusters. */
      machineProvider?: string | null
      /** How many nodes it has. */
      nodeCount?: number | null
    } | null
    /** How many of them run Linux and take work. */
    linuxWorkerCount?: number | null
    /** How many nodes it has. */
    nodeCount?: number | null
    /** `harvester` for Harvester clusters. */
    provider?: string | null
    /** What was seen of the cluster while it joined. */
    registration?: {
      /** The agent was let in; `detail` is its version. */
      agentAdmitted?: {
        /** When (RFC 3339). */
        at: string
        /** More of it. */
        detail?: string | null
        /** The address it came from. */
        from?: string
        /** The cluster it came from, as in [`Registration::identity`]. */
        identity?: string | null
        /** One word for machines, as in the conditions. */
        reason?: string | null
      } | null
      /** An agent was not let in. */
      agentRefused?: {
        /** When (RFC 3339). */
        at: string
        /** More of it. */
        detail?: string | null
        /** The address it came from. */
        from?: string
        /** The cluster it came from, as in [`Registration::identity`]. */
        identity?: string | null
        /** One word for machines, as in the conditions. */
        reason?: string | null
      } | null
      /** The agent told what keeps it from coming in. */
      agentTrouble?: {
        /** When (RFC 3339). */
        at: string
        /** More of it. */
        detail?: string | null
        /** The address it came from. */
        from?: string
        /** The cluster it came from, as in [`Registration::identity`]. */
        identity?: string | null
        /** One word for machines, as in the conditions. */
        reason?: string | null
      } | null
      /** Somebody broke off because of the server's certificate; `detail` is what they said. */
      certificateRefused?: {
        /** When (RFC 3339). */
        at: string
        /** More of it. */
        detail?: string | null
        /** The address it came from. */
        from?: string
        /** The cluster it came from, as in [`Registration::identity`]. */
        identity?: string | null
        /** One word for machines, as in the conditions. */
        reason?: string | null
      } | null
      /** Seconds by which the agent's clock is ahead of the server's (behind: negative). */
      clockSkewSeconds?: number | null
      /** Stands for the cluster itself, whatever it is called: equal for equal clusters, and nothing can be read from it. */
      identity?: string | null
      /** Somebody asked this server for an image it does not have; `detail` is the image. */
      imageRefused?: {
        /** When (RFC 3339). */
        at: string
        /** More of it. */
        detail?: string | null
        /** The address it came from. */
        from?: string
        /** The cluster it came from, as in [`Registration::identity`]. */
        identity?: string | null
        /** One word for machines, as in the conditions. */
        reason?: string | null
      } | null
      /** The manifest was fetched; `detail` is the program that did. */
      manifestFetched?: {
        /** When (RFC 3339). */
        at: string
        /** More of it. */
        detail?: string | null
        /** The address it came from. */
        from?: string
        /** The cluster it came from, as in [`Registration::identity`]. */
        identity?: string | null
        /** One word for machines, as in the conditions. */
        reason?: string | null
      } | null
      /** Somebody asked for the manifest with a token that is not this cluster's. */
      manifestRefused?: {
        /** When (RFC 3339). */
        at: string
        /** More of it. */
        detail?: string | null
        /** The address it came from. */
        from?: string
        /** The cluster it came from, as in [`Registration::identity`]. */
        identity?: string | null
        /** One word for machines, as in the conditions. */
        reason?: string | null
      } | null
      /** What kept the agent from coming in before it last did. */
      pastTroubles?: ({
        /** The last error of it. */
        detail?: string
        /** The first time (RFC 3339). */
        first: string
        /** The last time (RFC 3339). */
        last: string
        /** One word for machines, as in the conditions. */
        reason: string
        /** How often. */
        times?: number
      })[] | null
    } | null
    /** Of several servers that share their state, the one that its agent is or was last connected to. */
    server?: string | null
    /** What `/version` says. */
    version?: {
      compiler?: string
      gitCommit?: string
      gitTreeState?: string
      gitVersion?: string
      goVersion?: string
      major?: string
      minor?: string
    } | null
  } | null
}

export const CLUSTER: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'clusters' }

/** Who has a global role. */
export interface GlobalRoleBinding extends KubeObject {
  /** The role. */
  globalRoleName?: string
  /** Or a group's principal. */
  groupPrincipalName?: string
  /** The user's id. */
  userName?: string
  /** Or the user's principal. */
  userPrincipalName?: string
}

export const GLOBAL_ROLE_BINDING: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'globalrolebindings' }

/** Rights over the server as a whole. */
export interface GlobalRole extends KubeObject {
  /** Whether it came with the server. */
  builtin?: boolean
  /** What it is for. */
  description?: string
  /** The name people know it by. */
  displayName?: string
  /** Role templates that hold in every cluster. */
  inheritedClusterRoles?: string[] | null
  /** Rights over workspaces. */
  inheritedFleetWorkspacePermissions?: Record<string, unknown> | null
  /** Policy rules by namespace. */
  namespacedRules?: Record<string, unknown> | null
  /** Whether a new user gets it. */
  newUserDefault?: boolean
  /** Policy rules as in a ClusterRole. */
  rules?: (Record<string, unknown>)[] | null
}

export const GLOBAL_ROLE: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'globalroles' }

/** Who has a role template in a project. */
export interface ProjectRoleTemplateBinding extends KubeObject {
  /** Or a group of the server. */
  groupName?: string
  /** Or a group's principal. */
  groupPrincipalName?: string
  /** The project as `<cluster>:<project>`. */
  projectName?: string
  /** The role template. */
  roleTemplateName?: string
  /** Or a service account as `<namespace>:<name>`. */
  serviceAccount?: string
  /** The user's id. */
  userName?: string
  /** Or the user's principal. */
  userPrincipalName?: string
}

export const PROJECT_ROLE_TEMPLATE_BINDING: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'projectroletemplatebindings' }

/** A group of namespaces of one cluster. */
export interface Project extends KubeObject {
  /** What is wanted. */
  spec?: {
    /** The management cluster's name; it is also the namespace of this object. */
    clusterName?: string
    /** The limits a new container gets. */
    containerDefaultResourceLimit?: Record<string, unknown> | null
    /** What it is for. */
    description?: string | null
    /** The name people know it by. */
    displayName?: string
    /** The quota a new namespace gets. */
    namespaceDefaultResourceQuota?: Record<string, unknown> | null
    /** The quota of the project as a whole. */
    resourceQuota?: Record<string, unknown> | null
  }
  /** What is so. */
  status?: {
    /** How far its set-up is. */
    conditions?: ({
      /** When `status` last changed (RFC 3339). */
      lastTransitionTime?: string | null
      /** When the entry was last written (RFC 3339). */
      lastUpdateTime?: string | null
      /** One sentence for people. */
      message?: string | null
      /** One word for machines. */
      reason?: string | null
      /** `True`, `False` or `Unknown`. */
      status: string
      /** What it tells of, such as `Ready`; one entry a type. */
      type: string
    })[] | null
  } | null
}

export const PROJECT: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'projects' }

/** Rights within a cluster or a project. */
export interface RoleTemplate extends KubeObject {
  /** Whether it carries every right. */
  administrative?: boolean
  /** Whether it came with the server. */
  builtin?: boolean
  /** Whether who creates a cluster gets it. */
  clusterCreatorDefault?: boolean
  /** `cluster` or `project`. */
  context?: string
  /** What it is for. */
  description?: string
  /** The name people know it by. */
  displayName?: string
  /** Whether its rules are those of a ClusterRole of this name. */
  external?: boolean
  /** Policy rules of an external role. */
  externalRules?: (Record<string, unknown>)[] | null
  /** Whether it is not offered. */
  hidden?: boolean
  /** Whether it cannot be given any more. */
  locked?: boolean
  /** Whether who creates a project gets it. */
  projectCreatorDefault?: boolean
  /** Other templates it includes. */
  roleTemplateNames?: string[] | null
  /** Policy rules as in a ClusterRole. */
  rules?: (Record<string, unknown>)[] | null
}

export const ROLE_TEMPLATE: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'roletemplates' }

/** One setting of the server. */
export interface Setting extends KubeObject {
  /** Whether somebody set it. */
  customized?: boolean
  /** What holds when nothing is set. */
  default?: string
  /** Where the value came from (`env`, `db`), empty for the default. */
  source?: string
  /** What it is set to; empty means the default holds. */
  value?: string
}

export const SETTING: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'settings' }

/** An access token of a user. */
export interface Token extends KubeObject {
  /** When its user was last active (RFC 3339). */
  activityLastSeenAt?: string | null
  /** `local` or another provider. */
  authProvider?: string
  /** The one cluster it is for; empty is all. */
  clusterName?: string
  /** Whether it is the token of the request that reads it. */
  current?: boolean
  /** What it is for. */
  description?: string
  /** Whether it is taken; absent means it is. */
  enabled?: boolean | null
  /** Whether its time is over. */
  expired?: boolean
  /** When its time is over (RFC 3339), empty for never. */
  expiresAt?: string
  /** The user's groups at login. */
  groupPrincipals?: (Record<string, unknown>)[] | null
  /** Whether it was made by hand or by a client rather than by a login. */
  isDerived?: boolean
  /** When it was last used (RFC 3339). */
  lastUsedAt?: string | null
  /** What the provider wants remembered. */
  providerInfo?: Record<string, string> | null
  /** The hash of the secret; blank on its way out. */
  token?: string
  /** Milliseconds it lives; 0 is for ever. */
  ttl?: number
  /** Whose it is. */
  userId?: string
  /** The user's principal at login. */
  userPrincipal?: Record<string, unknown> | null
}

export const TOKEN: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'tokens' }

/** A person or a robot who may log in. */
export interface User extends KubeObject {
  /** Who it is. */
  description?: string
  /** The name shown to others. */
  displayName?: string
  /** Whether they may log in; absent means they may. */
  enabled?: boolean | null
  /** Whether the password must be changed at the next login. */
  mustChangePassword?: boolean
  /** Every principal that is this user, such as `local://user-abcde`. */
  principalIds?: string[] | null
  /** What is so. */
  status?: {
    /** How far their set-up is. */
    conditions?: ({
      /** When `status` last changed (RFC 3339). */
      lastTransitionTime?: string | null
      /** When the entry was last written (RFC 3339). */
      lastUpdateTime?: string | null
      /** One sentence for people. */
      message?: string | null
      /** One word for machines. */
      reason?: string | null
      /** `True`, `False` or `Unknown`. */
      status: string
      /** What it tells of, such as `Ready`; one entry a type. */
      type: string
    })[] | null
  } | null
  /** The name at login; empty for users of other providers. */
  username?: string
}

export const USER: Gvr = { group: 'management.cattle.io', version: 'v3', resource: 'users' }
