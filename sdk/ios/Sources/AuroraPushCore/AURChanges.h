// Desired values of the installation; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// A set of desired values, and at the same time the body of the request that reports them: the members of PATCH
/// /v1/devices/{id}. Tags are an AURTagOperation, everything else a string, a number or a boolean. The tokens of live activities
/// stand each for itself here, under the list's name, a point and their own name; AURChangesBody makes the lists of them.
typedef NSDictionary<NSString *, id> AURChanges;

extern NSString *const AURTokenKey, *const AURVoIPTokenKey, *const AURStartTokensKey, *const AURActivityTokensKey, *const AUREnvironmentKey,
    *const AURAliasKey, *const AURTagsKey, *const AURBadgeKey, *const AURMobileKey, *const AURPushEnabledKey, *const AURNotificationsAllowedKey;

/// Earlier changes followed by later ones: later values replace earlier ones, tag operations are composed.
AURChanges *AURChangesThen(AURChanges *earlier, AURChanges *later);

/// Changes minus what has the same value in sent. The environment qualifies the tokens: it stays for as long as one of them does.
AURChanges *AURChangesWithout(AURChanges *changes, AURChanges *sent);

/// What one request may carry of the changes: all of it, but for tags beyond the server's limit.
AURChanges *AURChangesPiece(AURChanges *changes);

/// The values one by one, since Aurora may refuse each of them; a token with its environment.
NSArray<AURChanges *> *AURChangesParts(AURChanges *changes);

/// What a new registration must be told of: no removals, since it starts empty. An app that rotates its tags for years does not
/// carry the list of all it ever removed.
AURChanges *AURChangesLasting(AURChanges *changes);

/// The body of the request.
NSDictionary *AURChangesBody(AURChanges *changes);

NS_ASSUME_NONNULL_END
