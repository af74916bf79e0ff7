import { commands, type Disposable, Location, Position, Range, Uri } from 'vscode';
import type { Location as ProtocolLocation, Position as ProtocolPosition } from 'vscode-languageclient';
import { CLIENT_COMMANDS } from '../../server/src/protocol.ts';

/** A click on "used by 2 clusters": the places, as the editor shows references. */
export function registerReferences(): Disposable {
  return commands.registerCommand(
    CLIENT_COMMANDS.showReferences,
    async (uri: string, position: ProtocolPosition, locations: ProtocolLocation[]) => {
      await commands.executeCommand(
        'editor.action.showReferences',
        Uri.parse(uri),
        positionOf(position),
        locations.map(
          (it) => new Location(Uri.parse(it.uri), new Range(positionOf(it.range.start), positionOf(it.range.end))),
        ),
      );
    },
  );
}

function positionOf({ line, character }: ProtocolPosition): Position {
  return new Position(line, character);
}
