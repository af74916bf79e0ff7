import { isOpaque } from '../opaque.ts';
import { isPartial } from '../queries/partialManifest.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { replaceValue } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'cnpg-address',
  summary: 'destinationPath and endpointURL say where the store is, in the form that Barman Cloud reads.',
  why: 'Barman Cloud takes the bucket from destinationPath and the host from endpointURL. A bucket in both stands twice in every request: the store answers 403 or 404. Another scheme than that of the provider, or none, is refused at every WAL file and every backup.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N13', 'N14'],
  kinds: ['CnpgCluster', 'CnpgObjectStore'],
  bad: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: https://backups.s3.amazonaws.com/main
                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error cnpg-address: destinationPath of an S3 store begins with s3://
        endpointURL: https://ID.r2.cloudflarestorage.com/backups
                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error cnpg-address: endpointURL is the host without the bucket, which destinationPath names
        s3Credentials: {inheritFromIAMRole: true}
  `,
  good: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
  `,
  check(resource, { report, query }) {
    for (const { node } of resource.stores) {
      const path = node.get('destinationPath');
      const text = path?.text;
      const provider = providerOf(node);
      if (path && text && !isOpaque(text)) {
        const scheme = /^([a-z0-9+.-]+):\/\//i.exec(text)?.[1];
        const wanted = wantedScheme(scheme, provider);
        if (wanted)
          report(path.place, `destinationPath of ${wanted.store} begins with ${wanted.scheme}`, {
            fix: wanted.text
              ? fix(`Change to ${wanted.text(text)}`, replaceValue(path, plainOrQuoted(wanted.text(text))))
              : undefined,
          });
      }
      const endpoint = node.get('endpointURL');
      const address = endpoint?.text;
      if (!endpoint || !address || isOpaque(address) || isPartial(resource, query)) continue;
      const [, host, folder] = /^https?:\/\/([^/]+)\/?(.*)$/i.exec(address) ?? [];
      if (host === undefined) {
        report(endpoint.place, 'endpointURL begins with https:// or http://', {
          fix: /^[\w.-]+(?::\d+)?$/.test(address)
            ? fix(`Change to https://${address}`, replaceValue(endpoint, plainOrQuoted(`https://${address}`)))
            : undefined,
        });
        continue;
      }
      const bucket = /^s3:\/\/([^/]+)/.exec(text ?? '')?.[1];
      const isR2 = /\.r2\.cloudflarestorage\.com$/i.test(host);
      const bare = address.slice(0, address.length - folder!.length).replace(/\/$/, '');
      const isBucket = folder !== '' && (folder!.split('/')[0] === bucket || isR2);
      if (isBucket)
        report(endpoint.place, 'endpointURL is the host without the bucket, which destinationPath names', {
          fix: fix(`Change to ${bare}`, replaceValue(endpoint, plainOrQuoted(bare))),
        });
      else if (bucket && host.startsWith(`${bucket}.s3.`)) {
        const rest = address.replace(`://${bucket}.`, '://');
        report(endpoint.place, 'endpointURL is the host without the bucket, which destinationPath names', {
          fix: fix(`Change to ${rest}`, replaceValue(endpoint, plainOrQuoted(rest))),
        });
      }
    }
  },
});

type Provider = 's3' | 'azure' | 'google';

function providerOf(store: YamlNode): Provider | undefined {
  const given = (['s3', 'azure', 'google'] as const).filter((it) => store.get(`${it}Credentials`)?.isMap);
  return given.length === 1 ? given[0] : undefined;
}

/** What the path must begin with where it surely does not; `text` writes it so, where nothing has to be guessed. */
function wantedScheme(
  scheme: string | undefined,
  provider: Provider | undefined,
): { store: string; scheme: string; text?: (path: string) => string } | undefined {
  const instead = (wanted: string) => (path: string) => `${wanted}${path.replace(/^[a-z0-9+.-]+:\/\//i, '')}`;
  if (provider === 's3' && scheme !== 's3') {
    const isHost = scheme === 'http' || scheme === 'https';
    return { store: 'an S3 store', scheme: 's3://', ...(!isHost && { text: instead('s3://') }) };
  }
  if ((provider === 'google' && scheme !== 'gs') || (!provider && /^gcs?$/.test(scheme ?? '')))
    return { store: 'a Google store', scheme: 'gs://', ...(scheme !== 'https' && { text: instead('gs://') }) };
  if (
    (provider === 'azure' && !/^https?$/.test(scheme ?? '')) ||
    (!provider && /^(?:azure|az|wasbs?|abfss?)$/.test(scheme ?? ''))
  )
    return { store: 'an Azure store', scheme: 'https://ACCOUNT.blob.core.windows.net/CONTAINER' };
  return undefined;
}
