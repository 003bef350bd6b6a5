"""Which view answers which path."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from chat.views import sign_up

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/signup/", sign_up, name="signup"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("", include("chat.urls")),
]
