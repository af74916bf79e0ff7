// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders are what is tested
import { describe, expect, test } from 'vitest';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { checkDiagnostics, checkFix } from '../support/check.ts';

const check = (markup: string, targets = {}) => checkDiagnostics(markup, { defaultName: '/pgbackrest.conf', targets });
const REST = 'repo1-path=/b\nrepo1-retention-full=2';

describe('names', () => {
  test('an invented name beside a real one is not called a typo of it twice', () => {
    check(`
[global]
${REST}
repo1-compress-type=zst
^^^^^^^^^^^^^^^^^^^ error unknown-option: pgBackRest has no option repo1-compress-type; compress-type is near
compress-threads=4
^^^^^^^^^^^^^^^^ error unknown-option: pgBackRest has no option compress-threads
repo1_path=/c
^^^^^^^^^^ error unknown-option: pgBackRest has no option repo1_path; repo1-path is set already
`);
  });

  test('numbers', () => {
    check(`
[global]
repo2-path=/b
repo2-retention-full=2
repo-bundle=y
^^^^^^^^^^^ error option-index: repo-bundle lacks the number of its repository: repo2-bundle
repo0-block=y
^^^^^^^^^^^ error option-index: repo0-block: numbers go from 1 to 256
repo257-path=/x
^^^^^^^^^^^^ error option-index: repo257-path: numbers go from 1 to 256
process1-max=4
^^^^^^^^^^^^ error option-index: process-max takes no number
retention1-full=2
^^^^^^^^^^^^^^^ error option-index: the old name retention-full takes no number; today it is repo1-retention-full
repo-azure-host=x
^^^^^^^^^^^^^^^ error option-index: repo-azure-host lacks the number of its repository: repo2-storage-host
`);
  });

  test('leading zeros and old names are the same option', () => {
    check(`
[global]
repo01-path=/b
^^^^^^^^^^^ hint deprecated-option: repo01-path is today repo1-path
hardlink=y
^^^^^^^^ hint deprecated-option: hardlink is today repo1-hardlink
repo1-retention-full=2
`);
    check(`
[global]
repo1-path=/b
repo01-path=/c
^^^^^^^^^^^ error duplicate-option: repo1-path and repo01-path are the same option, set twice in [global]
repo1-retention-full=2
retention-full=3
^^^^^^^^^^^^^^ error duplicate-option: repo1-retention-full and retention-full are the same option, set twice in [global]
`);
  });

  test('a template’s keys and lines say nothing', () => {
    check(`
{{ ansible_managed | comment }}
[global]
{% for it in repos %}
repo{{ loop.index }}-path={{ it.path }}
repo{{ loop.index }}-cipher-pass={{ it.pass }}
{% endfor %}
{% if compress %}
compress-type=zst
{% else %}
compress-type=lz4
{% endif %}
{{ extra
   | indent(2) }}
[{{ stanza }}]
pg1-path={{ data }}
`);
  });

  test('an option from the future is one of the past for an older target', () => {
    check(
      `
[global]
${REST}
repo1-symlink=n
^^^^^^^^^^^^^ error option-newer-than-target: repo1-symlink came with pgBackRest 2.57, the target is 2.50
`,
      { pgbackrest: '2.50' },
    );
  });
});

describe('sections', () => {
  for (const [name, reason] of [
    ['Global', 'pgBackRest takes Global for the name of a stanza'],
    ['global ', 'the blanks belong to the name'],
    ['demo:bakcup', 'pgBackRest has no command bakcup'],
    ['global:expire:x', 'pgBackRest has no command expire:x'],
    ['stanza:demo', 'a stanza is written with its name alone'],
    ['backup:demo', 'the command comes behind the colon'],
    ['GLOBAL:backup', 'pgBackRest takes GLOBAL for the name of a stanza'],
  ]) {
    test(`[${name}] is read by nobody`, () => {
      check(`
[global]
${REST}
[${name}]
 ${'^'.repeat(name!.length)} error unread-section: nobody reads [${name}]: ${reason}
log-level-console=info
[demo]
pg1-path=/d
`);
    });
  }

  for (const name of [
    'db',
    'test',
    'main-17',
    'app.example.com',
    '6f1c2d3e-0000-4a5b-8c7d-112233445566',
    'repo1',
    'Übung',
    '${STANZA}',
  ]) {
    test(`[${name}] is a stanza`, () => {
      check(`
[global]
${REST}
[${name}]
pg1-path=/d
`);
    });
  }

  test('an option in the section of a command that does not read it', () => {
    check(`
[global]
${REST}
[global:archive-push]
compress-level=3
repo1-retention-full=4
^^^^^^^^^^^^^^^^^^^^ warning option-of-other-command: archive-push does not read repo1-retention-full (backup, expire do): this line has no effect
`);
  });

  test('options of a cluster move to the only stanza', () => {
    checkFix(
      'Move to [demo]',
      '[global]\nrepo1-path=/b\nrepo1-retention-full=2\npg1-path=/d\n\n[demo]\nlog-level-file=off\n',
      '[global]\nrepo1-path=/b\nrepo1-retention-full=2\n\n[demo]\nlog-level-file=off\npg1-path=/d\n',
      { defaultName: '/pgbackrest.conf' },
    );
  });
});

describe('duplicates', () => {
  test('across sections of one name and files of conf.d, told where the second one stands', () => {
    checkDiagnostics(`
#- /etc/pgbackrest/conf.d/10-s3.conf
[global]
compress-type=lz4
^^^^^^^^^^^^^ error duplicate-option: compress-type is set twice in [global], the first time in pgbackrest.conf
exclude=log
#- /etc/pgbackrest/pgbackrest.conf
[global]
compress-type=zst
exclude=tmp
${REST}
[demo]
pg1-path=/d
[global]
log-level-console=info
`);
  });

  test('lists may repeat, hashes not for one key, stanzas may set anew', () => {
    check(`
[global]
${REST}
tls-server-auth=a=*
tls-server-auth=b=demo
tls-server-auth=a=demo
^^^^^^^^^^^^^^^ warning duplicate-option: tls-server-auth is given twice for the same name in [global]: the last one counts
db-include=x
db-include=y
[demo]
pg1-path=/d
repo1-retention-full=3
[demo:backup]
repo1-retention-full=4
`);
  });
});

describe('values', () => {
  test('what is refused, with what was meant', () => {
    const found = (line: string) => {
      const workspace = new Workspace(allRules);
      workspace.setFile('file:///w/pgbackrest.conf', `[global]\n${REST}\n${line}\n`);
      return [...workspace.findings().values()]
        .flat()
        .filter((it) => it.severity === 'error')
        .map((it) => `${it.rule} ${it.fixes[0]?.title ?? ''}`.trim());
    };
    expect(found('start-fast=true')).toEqual(['invalid-value Write y']);
    expect(found('compress-type=gzip')).toEqual(['invalid-value Write gz']);
    expect(found('log-level-console=INFO')).toEqual(['invalid-value Write info']);
    expect(found('repo1-bundle-size=1.5MiB')).toEqual(['invalid-value Write 1536KiB']);
    expect(found('buffer-size=3MiB')).toEqual(['invalid-value']);
    expect(found('process-max=0')).toEqual(['invalid-value Write 1']);
    expect(found('spool-path=spool')).toEqual(['invalid-value']);
    expect(found('lock-path=/var//lock')).toEqual(['invalid-value Write /var/lock']);
    expect(found('process-max=4 # half')).toEqual(['inline-comment Move the comment above']);
    expect(found('process-max="4"')).toEqual(['quoted-value Remove the quotes']);
    expect(found('process-max=')).toEqual(['empty-value Remove the line']);
    expect(found('archive-timeout=0.5')).toEqual(['invalid-value Write 500ms']);
    expect(found('link-map=foo')).toEqual(['invalid-value']);
    for (const fine of [
      'archive-timeout=90',
      'compress-level=3',
      'buffer-size=16MB',
      'process-max=${JOBS}',
      'tls-server-auth=a=b',
    ])
      expect(found(fine), fine).toEqual([]);
  });

  test('a range follows the option that it depends on, in whatever section', () => {
    check(`
[global]
${REST}
compress-type=lz4
compress-level=15
               ^^ error invalid-value: compress-level must be between -5 and 12 when compress-type is lz4, not 15
[demo]
pg1-path=/d
compress-type=zst
compress-level=15
`);
  });

  test('in a fragment the other option may stand elsewhere', () => {
    checkDiagnostics(`
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  a.conf: |
    [global]
    compress-level=15
`);
  });
});

describe('dependencies', () => {
  test('one finding for one cause, with the others beside it', () => {
    check(`
[global]
${REST}
repo1-s3-bucket=b
^^^^^^^^^^^^^^^ error ignored-option: repo1-s3-bucket and 3 more have no effect without repo1-type=s3: repo1 is on the local disk
repo1-s3-endpoint=e
repo1-s3-region=r
repo1-s3-uri-style=path
repo1-bundle-size=8MiB
^^^^^^^^^^^^^^^^^ warning ignored-option: repo1-bundle-size has no effect without repo1-bundle=y
sck-keep-alive=n
tcp-keep-alive-count=3
^^^^^^^^^^^^^^^^^^^^ information ignored-option: tcp-keep-alive-count has no effect with sck-keep-alive=n
[demo]
pg1-path=/d
`);
  });

  test('what one stanza switches on counts', () => {
    check(`
[global]
${REST}
repo1-block=y
[a]
pg1-path=/a
repo1-bundle=y
[c]
pg1-path=/c
`);
  });

  test('TLS without its files, and host options without host', () => {
    check(`
[global]
repo1-host=backup
repo1-host-type=tls
                ^^^ error missing-required-option: repo1-host-type=tls needs repo1-host-cert-file and repo1-host-key-file too
repo2-path=/b
repo2-retention-full=2
repo2-host-user=backup
^^^^^^^^^^^^^^^ warning ignored-option: repo2-host-user has no effect without repo2-host: repo2 is on this host
[demo]
pg1-path=/d
`);
  });

  test('keys may come from the environment, regions do not', () => {
    check(`
[global]
repo1-path=/r
repo1-retention-full=2
repo1-type=s3
           ^^ information missing-required-option: repo1-s3-key and repo1-s3-key-secret must come from elsewhere, for repo1-type=s3
repo1-s3-bucket=b
repo1-s3-endpoint=s3.amazonaws.com
repo1-s3-region=r
[demo]
pg1-path=/d
`);
    check(`
[global]
repo1-path=/r
repo1-retention-full=2
repo1-type=sftp
           ^^^^ error missing-required-option: repo1-type=sftp needs repo1-sftp-host-key-hash-type too
repo1-sftp-host=h
repo1-sftp-host-user=u
repo1-sftp-private-key-file=/k
[demo]
pg1-path=/d
`);
    check(`
[global]
repo1-path=/r
repo1-retention-full=2
repo1-type=s3
repo1-s3-key-type=auto
repo1-s3-bucket=b
repo1-s3-endpoint=s3.amazonaws.com
repo1-s3-region=r
[demo]
pg1-path=/d
`);
  });

  test('an empty or a mounted fragment is not asked for what its other half holds', () => {
    checkDiagnostics(`
#- /w/conf.d/s3.conf
[global]
repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
repo1-retention-diff=3
#- /v/secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  s3.conf: |
    [global]
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
`);
  });
});

describe('retention', () => {
  test('of each repository that has a place, but of none on another host', () => {
    check(`
[global]
repo1-path=/a
repo1-retention-full=2
repo2-path=/b
^^^^^^^^^^ warning missing-retention: repo2 has no repo2-retention-full: nothing ever expires
repo3-host=backup
repo3-path=/c
[demo]
pg1-path=/d
`);
  });

  test('may stand in the stanza, in the section of expire, or in a comment that explains it', () => {
    for (const conf of [
      '[global]\nrepo1-path=/a\n[demo]\npg1-path=/d\nrepo1-retention-full=2\n',
      '[global]\nrepo1-path=/a\n[global:expire]\nrepo1-retention-full=2\n[demo]\npg1-path=/d\n',
      '# no repo1-retention-full on purpose: the bucket expires by itself\n[global]\nrepo1-path=/a\n[demo]\npg1-path=/d\n',
      '[global]\nrepo1-path=/a\nretention-full={{ full }}\n[demo]\npg1-path=/d\n',
    ]) {
      const workspace = new Workspace(allRules);
      workspace.setFile('file:///w/pgbackrest.conf', conf);
      expect([...workspace.findings().values()].flat().filter((it) => it.rule === 'missing-retention')).toEqual([]);
    }
  });
});

describe('syntax', () => {
  test('each mistake once, and the rest of the file still counts', () => {
    check(`
; main
^^^^^^ error foreign-comment: a comment begins with #, not with ;
// second
^^^^^^^^^ error foreign-comment: a comment begins with #, not with //
repo1-path=/b
^^^^^^^^^^^^^ error option-outside-section: no section header stands above this option
repo1-retention-full=2
repo1-bundle y
^^^^^^^^^^^^^^ error line-without-equals: an option is written KEY=VALUE, with =
=x
^^ error line-without-equals: the name of the option is missing in front of =
[demo
^^^^^ error section-header: the closing bracket is missing
pg1-path=/d
start-fast=yes
           ^^^ error invalid-value: start-fast takes y or n, not yes
[]
^^ error section-header: the section has no name
`);
  });

  test('what is no conf of pgBackRest is none of our business', () => {
    const workspace = new Workspace(allRules);
    workspace.setFile('file:///w/pgbackrest.conf', 'UserParameter=pgbackrest.info,sudo pgbackrest info\n');
    workspace.setFile('file:///w/nginx.conf', 'server { listen 80; }\n');
    workspace.setFile('file:///w/app.conf', '[global]\npath=/x\nuser=me\n');
    expect([...workspace.findings().values()].flat()).toEqual([]);
  });

  test('huge, binary and endless confs are answered at once', () => {
    const workspace = new Workspace(allRules);
    const long = `[global]\n${'repo1-path=/b\n'.repeat(5_000)}`;
    workspace.setFile('file:///w/pgbackrest.conf', long);
    expect([...workspace.findings().values()].flat().length).toBeGreaterThan(1_000);
    workspace.setFile('file:///w/conf.d/pgbackrest.conf', `\u0000\u0001${'x'.repeat(1_000_000)}`, 'conf');
    workspace.setFile('file:///w/conf.d/b.conf', `${'x='.repeat(400_000)}`, 'conf');
    workspace.findings();
  });
});
