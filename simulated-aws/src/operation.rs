//! The names of what a client can ask for, shared by faults, counters and permissions.

use std::fmt;

/// An API operation as the simulated AWS tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// S3: read an object.
    GetObject,
    /// S3: read an object's head.
    HeadObject,
    /// S3: write an object.
    PutObject,
    /// S3: delete an object.
    DeleteObject,
    /// S3: list a bucket, version 2 of the call.
    ListObjectsV2,
    /// S3: list the buckets.
    ListBuckets,
    /// S3: ask whether a bucket is there and where.
    HeadBucket,
    /// S3: ask for a bucket's region.
    GetBucketLocation,
    /// SSO-OIDC: register a client.
    RegisterClient,
    /// SSO-OIDC: begin a sign-in with a device code.
    StartDeviceAuthorization,
    /// SSO-OIDC: trade a device code, an authorization code or a refresh token for an access token.
    CreateToken,
    /// SSO-OIDC: the page a browser opens to sign in, for either way.
    Authorize,
    /// SSO-OIDC: a person's click on that page.
    Decide,
    /// SSO portal: role credentials for an access token.
    GetRoleCredentials,
    /// SSO portal: list the accounts a person has roles in.
    ListAccounts,
    /// SSO portal: list a person's roles in an account.
    ListAccountRoles,
    /// SSO portal: end the session.
    Logout,
    /// STS: credentials of a role for other credentials.
    AssumeRole,
    /// STS: temporary credentials for long-term keys.
    GetSessionToken,
    /// STS: ask who one is.
    GetCallerIdentity,
    /// CodeArtifact: a token for a domain.
    GetAuthorizationToken,
    /// CodeArtifact: the URL of a repository, for a format.
    GetRepositoryEndpoint,
    /// CodeArtifact: what is known of a package, its origin controls among it.
    DescribePackage,
    /// CodeArtifact's data plane: a page, a packument, metadata, a checksum: whatever is answered at once.
    ReadPackage,
    /// CodeArtifact's data plane: a file, answered with a redirect.
    ReadAsset,
    /// The host that such a redirect leads to: the file itself.
    GetAsset,
    /// CodeArtifact's data plane: an upload, or a change of `dist-tags`.
    PublishPackage,
    /// Anything else, answered with an error.
    Unknown,
}

impl Operation {
    /// The operation's name in AWS's documentation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::PutObject => "PutObject",
            Self::DeleteObject => "DeleteObject",
            Self::ListObjectsV2 => "ListObjectsV2",
            Self::ListBuckets => "ListBuckets",
            Self::HeadBucket => "HeadBucket",
            Self::GetBucketLocation => "GetBucketLocation",
            Self::RegisterClient => "RegisterClient",
            Self::StartDeviceAuthorization => "StartDeviceAuthorization",
            Self::CreateToken => "CreateToken",
            Self::Authorize => "Authorize",
            Self::Decide => "Decide",
            Self::GetRoleCredentials => "GetRoleCredentials",
            Self::ListAccounts => "ListAccounts",
            Self::ListAccountRoles => "ListAccountRoles",
            Self::Logout => "Logout",
            Self::AssumeRole => "AssumeRole",
            Self::GetSessionToken => "GetSessionToken",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::GetAuthorizationToken => "GetAuthorizationToken",
            Self::GetRepositoryEndpoint => "GetRepositoryEndpoint",
            Self::DescribePackage => "DescribePackage",
            Self::ReadPackage => "ReadPackage",
            Self::ReadAsset => "ReadAsset",
            Self::GetAsset => "GetAsset",
            Self::PublishPackage => "PublishPackage",
            Self::Unknown => "Unknown",
        }
    }

    /// The operation of S3 of that name.
    pub(crate) fn from_name(name: &str) -> Self {
        let all = [
            Self::GetObject,
            Self::HeadObject,
            Self::PutObject,
            Self::DeleteObject,
            Self::ListObjectsV2,
            Self::ListBuckets,
            Self::HeadBucket,
            Self::GetBucketLocation,
        ];
        all.into_iter()
            .find(|operation| operation.name() == name)
            .unwrap_or(Self::Unknown)
    }

    /// The permission the operation needs, as IAM names it.
    pub(crate) fn action(self) -> Option<Action> {
        match self {
            Self::GetObject | Self::HeadObject => Some(Action::GetObject),
            Self::PutObject => Some(Action::PutObject),
            Self::DeleteObject => Some(Action::DeleteObject),
            Self::ListObjectsV2 | Self::HeadBucket => Some(Action::ListBucket),
            Self::ListBuckets => Some(Action::ListAllMyBuckets),
            Self::GetBucketLocation => Some(Action::GetBucketLocation),
            Self::GetAuthorizationToken => Some(Action::GetAuthorizationToken),
            Self::GetRepositoryEndpoint => Some(Action::GetRepositoryEndpoint),
            Self::DescribePackage => Some(Action::DescribePackage),
            Self::ReadPackage | Self::ReadAsset => Some(Action::ReadFromRepository),
            Self::PublishPackage => Some(Action::PublishPackageVersion),
            Self::RegisterClient
            | Self::StartDeviceAuthorization
            | Self::CreateToken
            | Self::Authorize
            | Self::Decide
            | Self::GetRoleCredentials
            | Self::ListAccounts
            | Self::ListAccountRoles
            | Self::Logout
            | Self::AssumeRole
            | Self::GetSessionToken
            | Self::GetCallerIdentity
            | Self::GetAsset
            | Self::Unknown => None,
        }
    }

    /// Whether the heads of its requests are kept: what reaches CodeArtifact, and what does not, is for tests
    /// to see. S3's are too many.
    pub(crate) fn keeps_heads(self) -> bool {
        matches!(
            self,
            Self::GetAuthorizationToken
                | Self::GetRepositoryEndpoint
                | Self::DescribePackage
                | Self::ReadPackage
                | Self::ReadAsset
                | Self::GetAsset
                | Self::PublishPackage
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A permission an identity can lose, as IAM names it without the `s3:`, `codeartifact:` or `sts:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Read objects and their heads.
    GetObject,
    /// Write objects.
    PutObject,
    /// Delete objects.
    DeleteObject,
    /// List a bucket, and be told that a key is missing rather than denied.
    ListBucket,
    /// List the buckets.
    ListAllMyBuckets,
    /// Ask for a bucket's region.
    GetBucketLocation,
    /// Ask CodeArtifact for a token.
    GetAuthorizationToken,
    /// STS: have a token for a service, which asking CodeArtifact for one needs as well.
    GetServiceBearerToken,
    /// Ask for a repository's URL.
    GetRepositoryEndpoint,
    /// Ask what is known of a package.
    DescribePackage,
    /// Read packages, with a token of this identity.
    ReadFromRepository,
    /// Publish packages, with a token of this identity.
    PublishPackageVersion,
}

impl Action {
    /// The permission's name in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GetObject => "s3:GetObject",
            Self::PutObject => "s3:PutObject",
            Self::DeleteObject => "s3:DeleteObject",
            Self::ListBucket => "s3:ListBucket",
            Self::ListAllMyBuckets => "s3:ListAllMyBuckets",
            Self::GetBucketLocation => "s3:GetBucketLocation",
            Self::GetAuthorizationToken => "codeartifact:GetAuthorizationToken",
            Self::GetServiceBearerToken => "sts:GetServiceBearerToken",
            Self::GetRepositoryEndpoint => "codeartifact:GetRepositoryEndpoint",
            Self::DescribePackage => "codeartifact:DescribePackage",
            Self::ReadFromRepository => "codeartifact:ReadFromRepository",
            Self::PublishPackageVersion => "codeartifact:PublishPackageVersion",
        }
    }
}
