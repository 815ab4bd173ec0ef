// Written by scripts/types.mjs from crds/; `npm run types` writes it anew.
import type { Gvr, KubeObject } from '@/core/kubernetes'

/** A cluster to import, in the words of the person who imports it. */
export interface Cluster extends KubeObject {
  /** What the user wants. The fields are Rancher's; those that only make sense where clusters are provisioned are carried and not acted on, except `rkeConfig`, which is refused: Grange imports. */
  spec?: {
    /** Environment of the agent; the place for `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. */
    agentEnvVars?: ({
      /** Its name. */
      name: string
      /** Its value. */
      value?: string | null
      /** Where its value comes from instead, as in a Pod. */
      valueFrom?: Record<string, unknown> | null
    })[] | null
    /** Carried, not acted on. */
    cloudCredentialSecretName?: string | null
    /** Carried, not acted on. */
    clusterAPIConfig?: Record<string, unknown> | null
    /** How the agent's Deployment differs: `appendTolerations`, `overrideAffinity`, `overrideResourceRequirements`. */
    clusterAgentDeploymentCustomization?: Record<string, unknown> | null
    /** Carried, not acted on. */
    defaultClusterRoleForProjectMembers?: string | null
    /** Carried, not acted on. */
    defaultPodSecurityAdmissionConfigurationTemplateName?: string | null
    /** Carried, not acted on. */
    defaultPodSecurityPolicyTemplateName?: string | null
    /** Carried, not acted on. */
    enableNetworkPolicy?: boolean | null
    /** Carried, not acted on. */
    fleetAgentDeploymentCustomization?: Record<string, unknown> | null
    /** Carried, not acted on. */
    generatedManifest?: (Record<string, unknown>)[] | null
    /** Carried, not acted on. */
    kubernetesVersion?: string | null
    /** Carried, not acted on. */
    localClusterAuthEndpoint?: Record<string, unknown> | null
    /** Carried, not acted on. */
    redeploySystemAgentGeneration?: number | null
    /** Refused: Grange imports clusters, it does not make them. */
    rkeConfig?: unknown
    /** Carried, not acted on. */
    webhookDeploymentCustomization?: Record<string, unknown> | null
  }
  /** What is so. */
  status?: {
    /** Whether the agent's manifest was applied in the cluster. */
    agentDeployed?: boolean | null
    /** The Secret with a kubeconfig, where there is one. Grange stores no such credential and leaves it empty. */
    clientSecretName?: string | null
    /** The name of the management object and of the cluster's namespace. Assigned at once, never changed. */
    clusterName?: string | null
    /** `Created`, `Reconciling`, `Stalled`, `Ready` and others. */
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
    /** The namespace of this object. */
    fleetWorkspaceName?: string | null
    /** The generation of the spec that this status answers. */
    observedGeneration?: number | null
    /** Whether the cluster is connected and healthy. */
    ready?: boolean | null
  } | null
}

export const CLUSTER: Gvr = { group: 'provisioning.cattle.io', version: 'v1', resource: 'clusters' }
