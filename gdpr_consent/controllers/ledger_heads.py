import tempfile

from werkzeug.wsgi import wrap_file

from odoo.http import Controller, Response, request, route


class LedgerHeads(Controller):
    """The file of signed heads, made on disk: there may be a million people."""

    @route("/gdpr/ledger/heads", type="http", auth="user", methods=["GET"])
    def heads(self, **_params):
        """Give the signed ends of all histories. Reading changes nothing."""
        subjects = request.env["gdpr.subject"]
        subjects._check_heads_access()
        # Closed with the answer.
        file = tempfile.TemporaryFile()  # noqa: SIM115
        subjects.sudo()._export_heads(file)
        size = file.tell()
        file.seek(0)
        return Response(
            wrap_file(request.httprequest.environ, file),
            headers={
                "Content-Type": "application/gzip",
                "Content-Length": str(size),
                "Content-Disposition": 'attachment; filename="ledger-heads.jsonl.gz"',
                "Cache-Control": "no-store",
            },
            direct_passthrough=True,
        )
