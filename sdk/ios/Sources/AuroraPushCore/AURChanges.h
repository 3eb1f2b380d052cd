// Desired values of the installation; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// A set of desired values by name: those of the members of PATCH /v1/devices/{id}, as strings, numbers or booleans. Each tag and
/// each token of a live activity stands for itself, under the list's name, a point and its own name, so that later values
/// simply replace earlier ones. "" removes a value, a tag too. Under the bare name of the tags stands @YES when these are to
/// replace all others. Doing it twice changes nothing more, which is what makes repeating a request after a lost answer safe.
typedef NSDictionary<NSString *, id> AURChanges;

extern NSString *const AURTokenKey, *const AURVoIPTokenKey, *const AURStartTokensKey, *const AURActivityTokensKey, *const AUREnvironmentKey,
    *const AURAliasKey, *const AURTagsKey, *const AURBadgeKey, *const AURMobileKey, *const AURPushEnabledKey,
    *const AURNotificationsAllowedKey;

/// To add some tags, or to remove them; or to have them and no others.
AURChanges *AURTagChanges(NSSet<NSString *> *_Nullable tags, BOOL wanted);
AURChanges *AURTagsAlone(NSSet<NSString *> *tags);

/// Earlier changes followed by later ones.
AURChanges *AURChangesThen(AURChanges *earlier, AURChanges *later);

/// Changes minus what has the same value in sent. The environment qualifies the tokens: it stays for as long as one of them does.
AURChanges *AURChangesWithout(AURChanges *changes, AURChanges *sent);

/// What one request may carry of the changes: all of it, but for tags beyond the server's limit.
AURChanges *AURChangesPiece(AURChanges *changes);

/// The values one by one, since Aurora may refuse each of them; the tags together, and a token with its environment.
NSArray<AURChanges *> *AURChangesParts(AURChanges *changes);

/// What a new registration must be told of: no removals, since it starts empty. An app that rotates its tags for years does not
/// carry the list of all it ever removed.
AURChanges *AURChangesLasting(AURChanges *changes);

/// The body of the request.
NSDictionary *AURChangesBody(AURChanges *changes);

NS_ASSUME_NONNULL_END
