/** The workspace at a glance: what backs up where, whether it is encrypted, and which Secrets hold the keys. No values. */

import type { Place } from '../part.ts';
import { type Conf, confOfEntry } from '../pgbackrest/conf.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { SecretResource } from '../resources/secret.ts';
import { ObjectStorageResource } from '../resources/stackgres.ts';
import type { Workspace } from '../workspace.ts';
import { clusterConfiguration } from './clusterConfiguration.ts';
import { readingsOf } from './confReading.ts';
import { describeBytes } from './entryText.ts';
import { explainManifest, storageSummary } from './manifestExplanation.ts';
import { count } from './optionText.ts';
import type { RepositoryState } from './repositoryState.ts';
import { summariesIn, summariesOf } from './repositorySummary.ts';

export interface OverviewRepository {
  /** `repo1: s3, encrypted (aes-256-cbc, pass from Secret db/backup)`. */
  text: string;
  state: RepositoryState['encryption'];
  at: Place;
}

export interface OverviewConfiguration {
  /** `PerconaPGCluster db/prod`, `pgbackrest.conf, stanza demo`. */
  title: string;
  at: Place;
  repositories: OverviewRepository[];
}

export interface OverviewSecret {
  title: string;
  /** `used by 2 objects`. */
  detail: string;
  at: Place;
  entries: { name: string; text: string; at: Place }[];
}

export interface Overview {
  configurations: OverviewConfiguration[];
  secrets: OverviewSecret[];
}

export function overview(workspace: Workspace): Overview {
  const query = workspace.query();
  const target = workspace.targets.pgbackrest;
  const configurations: OverviewConfiguration[] = [];
  const secrets: OverviewSecret[] = [];
  const seen = new Set<Conf>();
  for (const uri of workspace.uris) {
    for (const unit of workspace.units(uri)) {
      for (const resource of unit.resources) {
        const at = resource.namePlace;
        if (resource instanceof PostgresClusterResource) {
          for (const scope of resource.scopes) {
            const repositories = summariesOf(clusterConfiguration(resource, scope, query), target).map((it) => ({
              text: it.text,
              state: it.encryption,
              at: scope.repos.find((repo) => repo.name === it.name)?.node.usePlace ?? at,
            }));
            if (repositories.length === 0) continue;
            const title = scope.role === 'own' ? resource.title : `${resource.title}, data source`;
            configurations.push({ title, at, repositories });
          }
        } else if (resource instanceof ObjectStorageResource) {
          const text = storageSummary(resource, query);
          configurations.push({ title: resource.title, at, repositories: [{ text, state: stateOfText(text), at }] });
        } else if (resource instanceof SecretResource) {
          const secret = secretOf(resource, query);
          if (secret) secrets.push(secret);
        } else {
          const texts = explainManifest(resource, query)?.readers.flatMap((it) => it.summaries) ?? [];
          const repositories = texts.map((text) => ({ text, state: stateOfText(text), at }));
          if (repositories.length > 0) configurations.push({ title: resource.title, at, repositories });
        }
      }
      for (const conf of unit.confs) {
        const reading = seen.has(conf) ? undefined : readingsOf(conf, query)[0];
        // What a cluster mounts is told with the cluster; without one here, a piece says nothing about the whole.
        if (!reading || reading.cluster || conf.entry || conf.isExample) continue;
        for (const it of reading.confs) seen.add(it);
        for (const stanza of reading.stanzas) {
          const repositories = summariesIn(reading, stanza, target).map((it) => ({
            text: it.text,
            state: it.encryption,
            // In whatever file of conf.d it stands.
            at: reading.settings.find((setting) => setting.group === it.name)?.keyPlace ?? conf.place(0, 0),
          }));
          if (repositories.length === 0) continue;
          const title = stanza === undefined ? conf.title : `${conf.title}, stanza ${stanza}`;
          configurations.push({ title, at: repositories[0]!.at, repositories });
        }
      }
    }
  }
  return { configurations, secrets };
}

/** Only Secrets that something here uses, or that hold a configuration: the others are none of a backup's business. */
function secretOf(secret: SecretResource, query: ReturnType<Workspace['query']>): OverviewSecret | undefined {
  const { name, namespace } = secret;
  const users = new Set(query.referencesTo({ kind: 'secret', name, namespace }).map((it) => it.resource)).size;
  const holdsConf = secret.entries.some((it) => confOfEntry(it) !== undefined);
  if (name === '' || (users === 0 && !holdsConf)) return undefined;
  return {
    title: secret.title,
    detail: users > 0 ? `used by ${count(users, 'object')}` : 'used by nothing here',
    at: secret.namePlace,
    entries: secret.entries.map((it) => {
      const conf = confOfEntry(it);
      const text = conf
        ? `pgBackRest configuration, ${count(conf.settings.length, 'option')}`
        : it.isOpaque
          ? 'filled in by somebody else'
          : it.bytes
            ? describeBytes(it.bytes)
            : 'not base64';
      return { name: it.name, text, at: it.keyPlace };
    }),
  };
}

/** The summaries of other products say it in words. */
function stateOfText(text: string): RepositoryState['encryption'] {
  return text.includes('NOT ENCRYPTED') ? 'plain' : /, encrypted \(/.test(text) ? 'encrypted' : 'unknown';
}
