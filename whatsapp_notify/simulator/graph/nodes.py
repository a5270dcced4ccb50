"""``/{ID}``: the business number, the business account, a template or a file, by its id."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from whatsapp_notify.simulator import account, message_templates
from whatsapp_notify.simulator.errors import no_such_object
from whatsapp_notify.simulator.models import SimulatedTemplate, StoredMedia

from .fields import chosen
from .gateway import GraphView, json_object, success
from .media import media_node


class NodeView(GraphView):
    """Reads, edits and deletes whatever has the id."""

    def get(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Read the fields asked for."""
        if node_id == self.settings.phone_number_id:
            node = account.phone_number(settings=self.settings)
            return JsonResponse(chosen(request, node, default=account.PHONE_NUMBER_DEFAULTS))
        if node_id == self.settings.business_account_id:
            node = account.business_account(settings=self.settings)
            return JsonResponse(chosen(request, node, default=account.ACCOUNT_DEFAULTS))
        template = SimulatedTemplate.objects.filter(graph_id=node_id).first()
        if template is not None:
            node = message_templates.as_node(template)
            return JsonResponse(chosen(request, node, default=message_templates.DEFAULT_FIELDS))
        # The number may be named; the file is then looked for among its own.
        if request.GET.get("phone_number_id", owner := self.settings.phone_number_id) != owner:
            raise no_such_object(method="get", node_id=node_id)
        return JsonResponse(media_node(request, self._media(node_id)))

    def post(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Edit a template; settings of the number and the account are taken and forgotten."""
        if node_id in {self.settings.phone_number_id, self.settings.business_account_id}:
            return success()
        template = SimulatedTemplate.objects.filter(graph_id=node_id).first()
        if template is None:
            raise no_such_object(method="post", node_id=node_id)
        message_templates.edit(template, values=json_object(request))
        return success()

    def delete(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Delete a file."""
        self._media(node_id).delete()
        return success()

    def _media(self, node_id: str) -> StoredMedia:
        media = StoredMedia.objects.known(now=timezone.now()).filter(graph_id=node_id).first()
        if media is None:
            raise no_such_object(method=self.request.method or "", node_id=node_id)
        return media
