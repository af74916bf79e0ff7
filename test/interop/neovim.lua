-- Run by neovim.test.ts in a headless Neovim: opens a Secret, waits for the finding inside its base64, applies the quick
-- fix as `vim.lsp.buf.code_action` would, writes all files, and leaves a report. Works from Neovim 0.7 on.
local node, server, root, file, report = unpack(vim.split(vim.env.RESTORABLE_NEOVIM, '\n'))

local function finish(result)
  vim.fn.writefile({ vim.fn.json_encode(result) }, report)
  vim.cmd('qall!')
end

local ok, problem = pcall(function()
  local id = vim.lsp.start_client({ name = 'restorable', cmd = { node, server, '--stdio' }, root_dir = root })
  -- As docs/editors.md says: every YAML buffer, also one that a fix loads.
  vim.cmd('filetype on')
  vim.api.nvim_create_autocmd('FileType', {
    pattern = 'yaml',
    callback = function(event) vim.lsp.buf_attach_client(event.buf, id) end,
  })
  vim.cmd('edit ' .. vim.fn.fnameescape(file))
  local buffer = vim.api.nvim_get_current_buf()

  local function finding()
    for _, it in ipairs(vim.diagnostic.get(buffer)) do
      if it.code == 'repo-pass-without-type' or (it.user_data and it.user_data.lsp and it.user_data.lsp.code == 'repo-pass-without-type') then
        return it
      end
    end
  end
  if not vim.wait(20000, function() return finding() ~= nil end, 50) then error('no finding came') end
  local found = finding()

  local position = { line = found.lnum, character = found.col }
  local document = vim.lsp.util.make_text_document_params(buffer)
  local hover = vim.lsp.buf_request_sync(buffer, 'textDocument/hover', { textDocument = document, position = position }, 10000)
  local answers = vim.lsp.buf_request_sync(buffer, 'textDocument/codeAction', {
    textDocument = document,
    range = { start = position, ['end'] = { line = found.end_lnum, character = found.end_col } },
    context = { diagnostics = {} },
  }, 10000)
  local action
  for _, it in ipairs(answers[id].result) do
    if it.kind == 'quickfix' and it.title:find('cipher%-type') then action = action or it end
  end
  if not action then error('no quick fix was offered') end
  vim.lsp.util.apply_workspace_edit(action.edit, vim.lsp.get_client_by_id(id).offset_encoding)

  local isGone = vim.wait(20000, function() return finding() == nil end, 50)
  vim.cmd('silent wall')
  finish({ message = found.message, line = found.lnum, column = found.col, hover = hover[id].result.contents.value, title = action.title, isGone = isGone })
end)
if not ok then finish({ problem = tostring(problem) }) end
