"""Addresses of the simulator; include them at ``/simulator/``."""

from django.urls import include, path

from .control_api import control_view
from .graph.edges import DebugTokenView, PhoneNumbersView, ProfileView, SubscribedAppsView
from .graph.media import AttachmentView, UploadView
from .graph.messages import MessagesView
from .graph.nodes import NodeView
from .graph.templates import TemplatesView
from .phone import views as phone

app_name = "whatsapp_simulator"

graph_urls = [
    path("debug_token", DebugTokenView.as_view(), name="debug_token"),
    path("<str:node_id>", NodeView.as_view(), name="node"),
    path("<str:node_id>/messages", MessagesView.as_view(), name="messages"),
    path(
        "<str:node_id>/marketing_messages",
        MessagesView.as_view(marketing_only=True),
        name="marketing_messages",
    ),
    path("<str:node_id>/whatsapp_business_profile", ProfileView.as_view(), name="profile"),
    path("<str:node_id>/media", UploadView.as_view(), name="media"),
    path("<str:node_id>/message_templates", TemplatesView.as_view(), name="templates"),
    path("<str:node_id>/subscribed_apps", SubscribedAppsView.as_view(), name="subscribed_apps"),
    path("<str:node_id>/phone_numbers", PhoneNumbersView.as_view(), name="phone_numbers"),
]

urlpatterns = [
    path("", phone.home, name="phone"),
    path("numbers/", phone.numbers, name="numbers"),
    path("customers/new/", phone.add_customer, name="add_customer"),
    path("customers/<int:pk>/", phone.chat, name="chat"),
    path("customers/<int:pk>/feed/", phone.feed, name="feed"),
    path("customers/<int:pk>/act/", phone.act, name="act"),
    path("media/<str:graph_id>/", phone.media, name="picture"),
    path("control/", control_view, name="control"),
    path("graph/attachments/", AttachmentView.as_view(), name="attachment"),
    path("graph/<str:version>/", include(graph_urls)),
]
